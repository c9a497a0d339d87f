using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    public override void ScaleShift<TShape>(Activation x, Activation y, int vector, TShape shape = default)
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        CheckVectors(vector, channels);
        Map from = Floats(x, (long)pixels * channels), to = Floats(y, (long)pixels * channels), vectors = Floats(_vectors, _vectorLength);
        var work = new ScaleShiftWork
        {
            Pixels = pixels, Channels = channels, X = from.Start, XStride = from.Stride, Y = to.Start, YStride = to.Stride,
            Scales = true, Vectors = vectors.Start + vector * sizeof(float), VectorsStride = vectors.Stride,
        };
        Run(Batch * pixels, ref work, Grain(channels, 0.5));
    }

    public override void Modulate<TShape>(Activation x, Activation condition, Activation y, bool scales, TShape shape = default)
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        Map from = Floats(x, (long)pixels * channels), to = Floats(y, (long)pixels * channels), vectors = Floats(condition, scales ? 2L * channels : channels);
        var work = new ScaleShiftWork
        {
            Pixels = pixels, Channels = channels, X = from.Start, XStride = from.Stride, Y = to.Start, YStride = to.Stride,
            Scales = scales, Vectors = vectors.Start, VectorsStride = vectors.Stride,
        };
        Run(Batch * pixels, ref work, Grain(channels, 0.5));
    }

    public override void MapLinear<TShape>(Activation x, Activation y, float scale, float offset, TShape shape = default)
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        Map from = Floats(x, (long)pixels * channels), to = Floats(y, (long)pixels * channels);
        var work = new LinearMapWork { Pixels = pixels, Channels = channels, Scale = scale, Offset = offset, X = from.Start, XStride = from.Stride, Y = to.Start, YStride = to.Stride };
        Run(Batch * pixels, ref work, Grain(channels, 0.5));
    }

    public override void Resample<TShape>(Activation x, Activation y, bool halve, TShape shape = default)
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        CheckResampling(halve, shape);
        Map from = Floats(x, halve ? 4L * pixels * channels : (long)pixels / 4 * channels), to = Floats(y, (long)pixels * channels);
        var work = new ResampleWork
        {
            Height = shape.Height, Width = shape.Width, Channels = channels, Halve = halve, X = from.Start, XStride = from.Stride, Y = to.Start, YStride = to.Stride,
        };
        Run(Batch * pixels, ref work, Grain(channels, 0.5));
    }
}
