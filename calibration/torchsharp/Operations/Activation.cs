using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(ActivationOperation o)
    {
        Tensor x = _values[o.Input];
        return [(o.Output, o.Function switch
        {
            "silu" => nn.functional.silu(x),
            "gelu" => nn.functional.gelu(x),
            "quick_gelu" => x.mul(x.Times(1.702f).sigmoid()),
            "relu" => nn.functional.relu(x),
            "mish" => nn.functional.mish(x),
            "tanh" => x.tanh(),
            _ => throw new NotSupportedException($"The function {Names.Quote(o.Function)} of the operation '{o.Name}' is unknown."),
        })];
    }
}
