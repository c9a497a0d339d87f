using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(ConvolutionOperation o)
    {
        Map input = _maps[o.Input], output = _maps[o.Output];
        var shape = new DynamicConvolution(
            input.Height, input.Width, input.Channels, output.Height, output.Width, output.Channels, o.KernelSize, o.Stride,
            o.PaddingTop, o.PaddingLeft, o.Upsample, o.WeightBits, o.OutputScale.Single);
        var weights = new ConvolutionWeights(Layout[o.Name]);
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        Activation? residual = o.Residual is null ? null : Buffer(o.Residual);
        int vector = o.Vector;
        bool corrected = o.Output == Network.Epsilon;
        if (!input.IsQuantized)
            return (run, step) => run.Convolve(weights, x, y, vector, residual, corrected ? step.Correction : default, shape);

        int slot = Slot(o.Input);
        return (run, step) => run.Convolve(weights, x, step.Quantizations[slot], y, vector, residual, corrected ? step.Correction : default, shape);
    }
}
