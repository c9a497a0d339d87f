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
