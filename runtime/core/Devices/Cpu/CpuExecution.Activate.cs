using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    public override void Activate<TShape>(Activation x, Activation y, Nonlinearity function, TShape shape = default) => Activate(x, y, null, function, shape);

    public override void ActivateQuantize<TShape>(Activation x, Activation q, Quantization to, Nonlinearity function, TShape shape = default) => Activate(x, q, to, function, shape);

    public override void GateGelu<TShape>(Activation x, Activation y, TShape shape = default) => GateGelu(x, y, null, shape);

    public override void GateGeluQuantize<TShape>(Activation x, Activation q, Quantization to, TShape shape = default) => GateGelu(x, q, to, shape);

    private void Activate<TShape>(Activation x, Activation y, Quantization? to, Nonlinearity function, TShape shape)
        where TShape : struct, IMapShape
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        Map from = Floats(x, (long)pixels * channels);
        var work = new ActivationWork { Pixels = pixels, Function = function, X = from.Start, XStride = from.Stride, Result = Sink(y, pixels, channels, shape.ElementSize, to) };
        Run(Batch * work.BlocksPerImage, ref work, Grain((long)work.Result.Block * channels, 1));
    }

    private void GateGelu<TShape>(Activation x, Activation y, Quantization? to, TShape shape)
        where TShape : struct, IMapShape
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        Map from = Floats(x, 2L * pixels * channels);
        var work = new GateGeluWork { Pixels = pixels, X = from.Start, XStride = from.Stride, Result = Sink(y, pixels, channels, shape.ElementSize, to) };
        Run(Batch * pixels, ref work, Grain(channels, 2));
    }
}
