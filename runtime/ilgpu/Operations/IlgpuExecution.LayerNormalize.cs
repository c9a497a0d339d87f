using ILGPU;
using Specializer.Ilgpu.Intrinsics;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    public override void LayerNormalize<TShape>(NormWeights weights, Activation x, Activation y, float epsilon, TShape shape = default) =>
        LayerNormalize(weights, x, y, null, epsilon, shape);

    public override void LayerNormalizeQuantize<TShape>(NormWeights weights, Activation x, Activation q, Quantization to, float epsilon, TShape shape = default) =>
        LayerNormalize(weights, x, q, to, epsilon, shape);

    private void LayerNormalize<TShape>(NormWeights weights, Activation x, Activation y, Quantization? to, float epsilon, TShape shape)
        where TShape : struct, IMapShape
    {
        Enter();
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        BatchView<float> from = Floats(x, pixels * channels, Access.Read);
        long parts = Batch * pixels;
        var a = new LayerNormArguments
        {
            Shape = MapDimensions.Of(shape), Batch = Batch, Epsilon = epsilon, X = from, Sums = Working(parts * 2 * LayerNormKernels.Lanes * sizeof(double)).Cast<double>(),
        };
        Into(y, pixels, channels, shape.ElementSize, to, from, out a.Y, out a.Q, out a.Quantizer);
        _weights.Find(weights, channels, out a.Gamma, out a.Beta);
        if (to is null) LaunchParts<TShape, LayerNormArguments>(LayerNormKernels.FloatLiteral<TShape>, LayerNormKernels.FloatDynamic, parts, Threads(channels), a);
        else LaunchParts<TShape, LayerNormArguments>(LayerNormKernels.QuantizeLiteral<TShape>, LayerNormKernels.QuantizeDynamic, parts, Threads((channels + 3) / 4), a);

        // A pixel has little to do, and many groups fill the card.
        static long Threads(int items) => Math.Min(items, KernelCache.GpuThreads);
    }
}

internal struct LayerNormArguments
{
    public MapDimensions Shape;
    public int Batch;
    public float Epsilon;
    public BatchView<float> X, Y;
    /// <summary>Four elements a word.</summary>
    public BatchView<int> Q;
    public AffineQuantizer Quantizer;
    public ArrayView<float> Gamma, Beta;
    /// <summary>[pixel of the batch][2][8]: sums over the channels that are equal modulo 8, then of squares.</summary>
    public ArrayView<double> Sums;
}

/// <summary>Layer normalisation with the CPU's order of sums, in double precision. A group of threads takes one pixel after the other.</summary>
internal static class LayerNormKernels
{
    /// <summary>Partial sums of a pixel, and of its squares.</summary>
    public const int Lanes = 8;

    public static void FloatLiteral<TShape>(LayerNormArguments a) where TShape : struct, IMapShape => Run(a, default(TShape), quantize: false);

    public static void FloatDynamic(LayerNormArguments a) => Run(a, a.Shape, quantize: false);

    public static void QuantizeLiteral<TShape>(LayerNormArguments a) where TShape : struct, IMapShape => Run(a, default(TShape), quantize: true);

    public static void QuantizeDynamic(LayerNormArguments a) => Run(a, a.Shape, quantize: true);

    private static void Run<TShape>(LayerNormArguments a, TShape shape, bool quantize)
        where TShape : struct, IMapShape
    {
        int channels = shape.Channels, pixels = shape.Height * shape.Width, words = (channels + 3) / 4;
        for (int part = Grid.IdxX; part < a.Batch * pixels; part += Grid.DimX)
        {
            int image = part / pixels, pixel = part % pixels;
            ArrayView<float> x = a.X.Image(image).SubView((long)pixel * channels, channels);
            ArrayView<double> sums = a.Sums.SubView((long)part * 2 * Lanes, 2 * Lanes);
            for (int lane = Group.IdxX; lane < Lanes; lane += Group.DimX)
            {
                double partial = 0, squares = 0;
                for (int c = lane; c < channels; c += Lanes)
                {
                    double v = x[c];
                    partial += v;
                    squares += v * v; // Exact, so fused or not is the same.
                }

                sums[lane] = partial;
                sums[Lanes + lane] = squares;
            }

            Group.Barrier();
            double sum = 0, square = 0;
            for (int lane = 0; lane < Lanes; lane++)
            {
                sum += sums[lane];
                square += sums[Lanes + lane];
            }

            double mean = sum / channels, variance = square / channels - ExactMath.Multiply(mean, mean);
            if (variance < 0) variance = 0;
            float scale = (float)(1 / Math.Sqrt(variance + a.Epsilon)), centre = (float)mean;
            if (!quantize)
            {
                ArrayView<float> y = a.Y.Image(image).SubView((long)pixel * channels, channels);
                for (int c = Group.IdxX; c < channels; c += Group.DimX) y[c] = Value(a, x[c], c, centre, scale);
            }
            else
            {
                ArrayView<int> y = a.Q.Image(image).SubView((long)pixel * words, words);
                for (int word = Group.IdxX; word < words; word += Group.DimX)
                {
                    int q = 0;
                    for (int i = 0; i < 4; i++)
                    {
                        int c = 4 * word + i;
                        if (c < channels) q |= a.Quantizer.Round(Value(a, x[c], c, centre, scale)) << 8 * i;
                    }

                    y[word] = q;
                }
            }
        }
    }

    private static float Value(LayerNormArguments a, float x, int channel, float centre, float scale) =>
        ExactMath.FusedMultiplyAdd(ExactMath.Multiply(x - centre, scale), a.Gamma[channel], a.Beta[channel]);
}
