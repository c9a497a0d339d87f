using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(ResampleOperation o) =>
        [(o.Output, o.Halve ? nn.functional.avg_pool2d(_values[o.Input], 2) : nn.functional.interpolate(_values[o.Input], scale_factor: [2, 2]))];
}
