using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(GegluOperation o)
    {
        Tensor[] halves = _values[o.Input].chunk(2, 1);
        return [(o.Output, halves[0].mul(nn.functional.gelu(halves[1])))];
    }
}
