using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Kernels;
using Specializer.Numerics;
using Specializer.Threading;

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

    /// <summary>Layer normalisation over the channels of each pixel. An item is a block of pixels of one image.</summary>
    private struct LayerNormWork : IWork
    {
        public int Pixels;
        public float Epsilon;
        public float* Gamma, Beta;
        public byte* X;
        public long XStride;
        public PixelSink Result;

        public readonly int BlocksPerImage => (Pixels + Result.Block - 1) / Result.Block;

        public readonly void Execute(int begin, int end, int worker)
        {
            int channels = Result.Channels;
            for (int item = begin; item < end; item++)
            {
                int image = item / BlocksPerImage, first = item % BlocksPerImage * Result.Block, count = Math.Min(Result.Block, Pixels - first);
                float* x = (float*)(X + image * XStride) + (long)first * channels, y = Result.Take(image, first, worker);
                for (int pixel = 0; pixel < count; pixel++, x += channels, y += channels) Normalize(x, y, channels);
                Result.Put(image, first, count, worker);
            }
        }

        /// <summary>Sums run in FP64, eight partial sums by index modulo 8, added in order; mean and scale are rounded to FP32 once.</summary>
        [MethodImpl(Jit.Kernel)]
        private readonly void Normalize(float* x, float* y, int channels)
        {
            double* sums = stackalloc double[8], squares = stackalloc double[8];
            Vector256<double> s0 = default, s1 = default, q0 = default, q1 = default;
            int c = 0;
            for (; c <= channels - 8; c += 8)
            {
                Vector256<double> a = GroupNorm.Widen(x + c), b = GroupNorm.Widen(x + c + 4);
                s0 += a;
                s1 += b;
                q0 = Vector256.FusedMultiplyAdd(a, a, q0); // A square of a float is exact, so fused or not is the same.
                q1 = Vector256.FusedMultiplyAdd(b, b, q1);
            }

            s0.Store(sums);
            s1.Store(sums + 4);
            q0.Store(squares);
            q1.Store(squares + 4);
            for (; c < channels; c++)
            {
                sums[c & 7] += x[c];
                squares[c & 7] += (double)x[c] * x[c];
            }

            double sum = 0, square = 0;
            for (int lane = 0; lane < 8; lane++)
            {
                sum += sums[lane];
                square += squares[lane];
            }

            double mean = sum / channels;
            var scale = (float)(1 / Math.Sqrt(Math.Max(square / channels - mean * mean, 0) + Epsilon));
            var centre = (float)mean;
            Vector256<float> s = Vector256.Create(scale), m = Vector256.Create(centre);
            for (c = 0; c <= channels - 8; c += 8)
                Vector256.FusedMultiplyAdd((Vector256.Load(x + c) - m) * s, Vector256.Load(Gamma + c), Vector256.Load(Beta + c)).Store(y + c);
            for (; c < channels; c++) y[c] = MathF.FusedMultiplyAdd((x[c] - centre) * scale, Gamma[c], Beta[c]);
        }
    }
}
