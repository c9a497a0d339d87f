using Specializer.Manifest;
using TorchSharp;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>A model's FP32 tensors on a device, and the embedding's vectors from the same tables that the kernels read.</summary>
internal sealed class TorchParameters : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);
    private readonly Embedding _embedding;

    public TorchParameters(ImportedModel model, IReadOnlyList<float> timesteps, torch.Device device)
    {
        Device = device;
        _embedding = model.Network.Embedding;
        var kernels = model.Network.Operations.OfType<ConvolutionOperation>().ToDictionary(o => $"{o.Name}.weight", o => o.KernelSize, StringComparer.Ordinal);
        using DisposeScope scope = NewDisposeScope();
        foreach (var (name, values) in model.Tensors(timesteps))
        {
            Tensor tensor = torch.tensor(values);
            if (kernels.TryGetValue(name, out int size)) tensor = Kernel(tensor, model.Weights[$"{name[..^7]}.bias"].Length, size);
            else if (Rows(name, timesteps.Count) is > 0 and int rows) tensor = tensor.reshape(rows, -1);
            _tensors.Add(name, tensor.to(device).DetachFromDisposeScope());
        }
    }

    public torch.Device Device { get; }

    public Tensor this[string name] => _tensors[name];

    /// <summary>A convolution's weights [O, K·K·I] in this project's order as [O, I, K, K].</summary>
    public static Tensor Kernel(Tensor weights, long outputs, int size) => weights.reshape(outputs, size, size, -1).permute(0, 3, 1, 2);

    /// <summary>The step vectors of images, [n, V]; null when the network has none.</summary>
    /// <param name="steps">Row of the time table for each image.</param>
    /// <param name="labels">Label of each image; empty for an unconditional network.</param>
    public Tensor? Vectors(ReadOnlySpan<int> steps, ReadOnlySpan<int> labels)
    {
        if (_embedding.Vectors == 0) return null;
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = torch.tensor(steps.ToArray(), int64, Device);
        if (_embedding.Classes == 0) return this["embedding.vectors"].index_select(0, rows).MoveToOuterDisposeScope();
        Tensor sum = this["embedding.time"].index_select(0, rows).Plus(this["embedding.label"].index_select(0, torch.tensor(labels.ToArray(), int64, Device)));
        return nn.functional.linear(nn.functional.silu(sum), this["embedding.weight"], this["embedding.bias"]).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (Tensor tensor in _tensors.Values) tensor.Dispose();
        _tensors.Clear();
    }

    private int Rows(string name, int steps) => name switch
    {
        "embedding.vectors" or "embedding.time" => steps,
        "embedding.label" => _embedding.Classes,
        "embedding.weight" => _embedding.Vectors,
        _ => 0,
    };
}
