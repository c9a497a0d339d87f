using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    public override void LayerNormalize<TShape>(NormWeights weights, Activation x, Activation y, float epsilon, TShape shape = default) =>
        LayerNormalize(weights, x, y, null, epsilon, shape);

    public override void LayerNormalizeQuantize<TShape>(NormWeights weights, Activation x, Activation q, Quantization to, float epsilon, TShape shape = default) =>
        LayerNormalize(weights, x, q, to, epsilon, shape);

    private void LayerNormalize<TShape>(NormWeights weights, Activation x, Activation y, Quantization? to, float epsilon, TShape shape)
        where TShape : struct, IMapShape
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        Map from = Floats(x, (long)pixels * channels);
        _weights.Find(weights, channels, out float* gamma, out float* beta);
        var work = new LayerNormWork
        {
            Pixels = pixels, Epsilon = epsilon, Gamma = gamma, Beta = beta, X = from.Start, XStride = from.Stride, Result = Sink(y, pixels, channels, shape.ElementSize, to),
        };
        Run(Batch * work.BlocksPerImage, ref work, Grain((long)work.Result.Block * channels, 1));
    }
}
