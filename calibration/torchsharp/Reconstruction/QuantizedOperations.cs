using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>A quantized network's operations with its integers simulated in FP32: maps hold x̂, convolutions use ŵ.</summary>
internal sealed class QuantizedOperations : TorchOperations, IDisposable
{
    private readonly Dictionary<string, LearnedRounding> _roundings = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LearnedSteps> _steps = new(StringComparer.Ordinal);

    /// <param name="request">What is reconstructed.</param>
    /// <param name="block">Part of the network that will be run.</param>
    /// <param name="parameters">FP32 tensors.</param>
    public QuantizedOperations(ReconstructionRequest request, NetworkBlock block, TorchParameters parameters) : base(request.Quantized, parameters)
    {
        foreach (ConvolutionOperation o in block.Quantized.OfType<ConvolutionOperation>().Where(o => o.IsInteger))
        {
            if (!request.Weights.TryGetValue(o.Name, out QuantizedWeights? start))
                throw new ArgumentException($"There are no integers for the convolution '{o.Name}' to start from.", nameof(request));
            _roundings.Add(o.Name, new(o, request.Model.Weights[$"{o.Name}.weight"], request.Model.Weights[$"{o.Name}.bias"], start, parameters.Device));
        }

        string[] slots = [.. request.Quantized.Maps.Where(m => m.IsQuantized).Select(m => m.Name)];
        foreach (string map in block.Quantized.SelectMany(o => o.Outputs()))
        {
            int slot = Array.IndexOf(slots, map);
            if (slot >= 0) _steps.Add(map, new(request.Rows.Select(r => r[slot]), parameters.Device));
        }
    }

    /// <summary>By convolution.</summary>
    public IReadOnlyDictionary<string, LearnedRounding> Roundings => _roundings;

    /// <summary>By map.</summary>
    public IReadOnlyDictionary<string, LearnedSteps> Steps => _steps;

    /// <summary>Which values to compute with.</summary>
    public Stage Stage { get; set; }

    /// <summary>Row of quantization parameters of each image.</summary>
    public Tensor? Rows { get; set; }

    public void Dispose()
    {
        foreach (LearnedRounding rounding in _roundings.Values) rounding.Dispose();
        foreach (LearnedSteps steps in _steps.Values) steps.Dispose();
    }

    protected override Tensor Store(string map, Tensor value) =>
        _steps.TryGetValue(map, out LearnedSteps? steps) ? steps.Round(value, Rows!, Stage) : value;

    protected override (Tensor Weight, Tensor Bias) Weights(ConvolutionOperation o) =>
        _roundings.TryGetValue(o.Name, out LearnedRounding? rounding) ? rounding.At(Stage) : base.Weights(o);
}
