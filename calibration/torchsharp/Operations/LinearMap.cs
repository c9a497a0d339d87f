using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(LinearMapOperation o) => [(o.Output, _values[o.Input].Times(o.Scale.Single).Plus(o.Offset.Single))];
}
