using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(ModulationOperation o)
    {
        Tensor x = _values[o.Input], condition = _values[o.Condition];
        if (condition.shape[1] == x.shape[1]) return [(o.Output, x.add(condition))];
        Tensor[] parts = condition.chunk(2, dim: 1);
        return [(o.Output, x.mul(parts[0].add(1)).add(parts[1]))];
    }
}
