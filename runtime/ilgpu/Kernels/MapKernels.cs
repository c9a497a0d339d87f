using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct MapArguments
{
    public MapDimensions Shape;
    public int Batch;
    public BatchView<float> X, Y;
    /// <summary>Of a linear map.</summary>
    public float Scale, Offset;
    /// <summary>What modulates, and where in it the factors begin; −1 where there are offsets alone, from 0 on. Offsets follow the factors.</summary>
    public BatchView<float> Vectors;
    public int First;
    /// <summary>1 to halve, 0 to double.</summary>
    public int Halve;
}

/// <summary>From an FP32 map to another. An item is an element of the result.</summary>
internal static class MapKernels
{
    public static void LinearLiteral<TShape>(MapArguments a) where TShape : struct, IMapShape => Linear(a, default(TShape));

    public static void LinearDynamic(MapArguments a) => Linear(a, a.Shape);

    public static void ModulateLiteral<TShape>(MapArguments a) where TShape : struct, IMapShape => Modulate(a, default(TShape));

    public static void ModulateDynamic(MapArguments a) => Modulate(a, a.Shape);

    public static void ResampleLiteral<TShape>(MapArguments a) where TShape : struct, IMapShape => Resample(a, default(TShape));

    public static void ResampleDynamic(MapArguments a) => Resample(a, a.Shape);

    private static void Linear<TShape>(MapArguments a, TShape shape)
        where TShape : struct, IMapShape
    {
        int elements = shape.Height * shape.Width * shape.Channels;
        for (int item = Share.Start; item < a.Batch * elements; item += Share.Step)
            a.Y.Image(item / elements)[item % elements] = ExactMath.FusedMultiplyAdd(a.X.Image(item / elements)[item % elements], a.Scale, a.Offset);
    }

    private static void Modulate<TShape>(MapArguments a, TShape shape)
        where TShape : struct, IMapShape
    {
        int channels = shape.Channels, elements = shape.Height * shape.Width * channels;
        for (int item = Share.Start; item < a.Batch * elements; item += Share.Step)
        {
            int image = item / elements, element = item % elements, channel = element % channels;
            ArrayView<float> vectors = a.Vectors.Image(image);
            float x = a.X.Image(image)[element];
            float y = a.First < 0 ? x + vectors[channel] : ExactMath.FusedMultiplyAdd(x, 1f + vectors[a.First + channel], vectors[a.First + channels + channel]);
            a.Y.Image(image)[element] = y;
        }
    }

    private static void Resample<TShape>(MapArguments a, TShape shape)
        where TShape : struct, IMapShape
    {
        int channels = shape.Channels, width = shape.Width, elements = shape.Height * width * channels;
        for (int item = Share.Start; item < a.Batch * elements; item += Share.Step)
        {
            int image = item / elements, element = item % elements, channel = element % channels, column = element / channels % width, row = element / channels / width;
            ArrayView<float> x = a.X.Image(image);
            float y;
            if (a.Halve == 0)
            {
                y = x[((long)(row / 2) * (width / 2) + column / 2) * channels + channel];
            }
            else
            {
                long first = ((long)2 * row * 2 * width + 2 * column) * channels + channel, below = first + (long)2 * width * channels;
                y = ExactMath.Multiply(0.25f, x[first] + x[first + channels] + (x[below] + x[below + channels]));
            }

            a.Y.Image(image)[element] = y;
        }
    }
}
