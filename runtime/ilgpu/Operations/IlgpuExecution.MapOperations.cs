using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    public override void ScaleShift<TShape>(Activation x, Activation y, int vector, TShape shape = default)
    {
        Enter();
        (_, int channels) = PixelsOf(shape);
        CheckVectors(vector, channels);
        Modulate(x, y, Floats(_vectors, _vectorLength, Access.Read), vector, shape);
    }

    public override void Modulate<TShape>(Activation x, Activation condition, Activation y, bool scales, TShape shape = default)
    {
        Enter();
        (_, int channels) = PixelsOf(shape);
        Modulate(x, y, Floats(condition, scales ? 2L * channels : channels, Access.Read), scales ? 0 : -1, shape);
    }

    public override void MapLinear<TShape>(Activation x, Activation y, float scale, float offset, TShape shape = default)
    {
        Enter();
        MapArguments a = Arguments(x, y, 1, shape);
        a.Scale = scale;
        a.Offset = offset;
        Launch<TShape, MapArguments>(MapKernels.LinearLiteral<TShape>, MapKernels.LinearDynamic, Items(shape), a);
    }

    public override void Resample<TShape>(Activation x, Activation y, bool halve, TShape shape = default)
    {
        Enter();
        CheckResampling(halve, shape);
        MapArguments a = Arguments(x, y, halve ? 4 : 0.25, shape);
        a.Halve = halve ? 1 : 0;
        Launch<TShape, MapArguments>(MapKernels.ResampleLiteral<TShape>, MapKernels.ResampleDynamic, Items(shape), a);
    }

    private void Modulate<TShape>(Activation x, Activation y, BatchView<float> vectors, int first, TShape shape)
        where TShape : struct, IMapShape
    {
        MapArguments a = Arguments(x, y, 1, shape);
        a.Vectors = vectors;
        a.First = first;
        Launch<TShape, MapArguments>(MapKernels.ModulateLiteral<TShape>, MapKernels.ModulateDynamic, Items(shape), a);
    }

    /// <param name="x">Map read, of so many pixels for one written.</param>
    /// <param name="y">Map written.</param>
    /// <param name="ratio">How many.</param>
    /// <param name="shape">Of the map written.</param>
    private MapArguments Arguments<TShape>(Activation x, Activation y, double ratio, TShape shape)
        where TShape : struct, IMapShape
    {
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        BatchView<float> from = Floats(x, (long)(ratio * pixels) * channels, Access.Read);
        return new() { Shape = MapDimensions.Of(shape), Batch = Batch, X = from, Y = Floats(y, pixels * channels, Access.Write), Vectors = from };
    }

    private long Items<TShape>(TShape shape)
        where TShape : struct, IMapShape => (long)Batch * shape.Height * shape.Width * shape.Channels;
}
