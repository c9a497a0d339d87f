using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    public override void Activate<TShape>(Activation x, Activation y, Nonlinearity function, TShape shape = default)
    {
        Enter();
        (int pixels, int channels) = SizesOf(shape.Height, shape.Width, shape.Channels);
        long elements = (long)pixels * channels;
        Map from = Floats(x, elements), to = Floats(y, elements);
        var work = new ActivationWork { Elements = elements, Function = function, X = from.Start, XStride = from.Stride, Y = to.Start, YStride = to.Stride };
        Run(Batch * work.BlocksPerImage, ref work);
    }

    public override void GateGelu<TShape>(Activation x, Activation y, TShape shape = default)
    {
        Enter();
        (int pixels, int channels) = SizesOf(shape.Height, shape.Width, shape.Channels);
        Map from = Floats(x, 2L * pixels * channels), to = Floats(y, (long)pixels * channels);
        var work = new GateGeluWork { Pixels = pixels, Channels = channels, X = from.Start, XStride = from.Stride, Y = to.Start, YStride = to.Stride };
        Run(Batch * pixels, ref work, Grain(channels, 2));
    }
}
