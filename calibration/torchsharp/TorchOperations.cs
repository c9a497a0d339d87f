using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>A network's operations on tensors [n, c, h, w], in FP32 and differentiable.</summary>
internal partial class TorchOperations(Network network, TorchParameters parameters) : IOperationVisitor<IEnumerable<(string Map, Tensor Value)>>
{
    private readonly Dictionary<string, Map> _maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);

    private IDictionary<string, Tensor> _values = new Dictionary<string, Tensor>();
    private Tensor? _vectors;

    protected TorchParameters Parameters { get; } = parameters;

    /// <summary>Runs one operation.</summary>
    /// <param name="operation">Of the network.</param>
    /// <param name="maps">Holds its inputs; its outputs are put in.</param>
    /// <param name="vectors">Step vectors [n, V].</param>
    public void Run(Operation operation, IDictionary<string, Tensor> maps, Tensor? vectors)
    {
        _values = maps;
        _vectors = vectors;
        foreach (var (map, value) in operation.Accept(this)) maps[map] = Store(map, value);
    }

    /// <summary>What a map holds when a value is written to it.</summary>
    protected virtual Tensor Store(string map, Tensor value) => value;

    /// <summary>Weights [O, I, K, K] and bias of a convolution.</summary>
    protected virtual (Tensor Weight, Tensor Bias) Weights(ConvolutionOperation o) => (Parameters[$"{o.Name}.weight"], Parameters[$"{o.Name}.bias"]);
}
