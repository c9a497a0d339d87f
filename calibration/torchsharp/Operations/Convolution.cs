using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(ConvolutionOperation o)
    {
        Map to = _maps[o.Output];
        Tensor x = _values[o.Input];
        if (o.Upsample > 1) x = nn.functional.interpolate(x, size: [to.Height, to.Width]);
        // Rows below and columns to the right follow from the size of the output; libtorch's own padding is the same on both sides.
        long bottom = (to.Height - 1) * o.Stride + o.KernelSize - x.shape[2] - o.PaddingTop, right = (to.Width - 1) * o.Stride + o.KernelSize - x.shape[3] - o.PaddingLeft;
        if (bottom != 0 || right != 0 || o.PaddingTop != 0 || o.PaddingLeft != 0) x = nn.functional.pad(x, [o.PaddingLeft, right, o.PaddingTop, bottom]);
        var (weight, bias) = Weights(o);
        Tensor y = nn.functional.conv2d(x, weight, bias, strides: [o.Stride, o.Stride]);
        if (o.Vector >= 0) y = y.Plus(_vectors!.narrow(1, o.Vector, to.Channels).unsqueeze(-1).unsqueeze(-1));
        if (o.Residual is not null) y = y.Plus(_values[o.Residual]);
        return [(o.Output, o.OutputScale.Value == 1 ? y : y.Times(o.OutputScale.Single))];
    }
}
