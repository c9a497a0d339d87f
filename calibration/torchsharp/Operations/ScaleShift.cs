using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(ScaleShiftOperation o)
    {
        Tensor x = _values[o.Input];
        Tensor Part(int index) => _vectors!.narrow(1, o.Vector + index * x.shape[1], x.shape[1]).unsqueeze(-1).unsqueeze(-1);
        return [(o.Output, x.mul(Part(0).Plus(1)).Plus(Part(1)))];
    }
}
