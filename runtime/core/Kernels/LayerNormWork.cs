using System.Runtime.Intrinsics;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>Layer normalisation over the channels of each pixel. An item is a pixel of one image. Sums run in FP64, eight partial sums by index modulo 8, added in order;
/// mean and variance are rounded to FP32 once.</summary>
internal unsafe struct LayerNormWork : IWork
{
    public int Pixels, Channels;
    public float Epsilon;
    public float* Gamma, Beta;
    public byte* X, Y;
    public long XStride, YStride;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int item = begin; item < end; item++)
        {
            int image = item / Pixels;
            long first = item % Pixels * (long)Channels;
            Normalize((float*)(X + image * XStride) + first, (float*)(Y + image * YStride) + first);
        }
    }

    private readonly void Normalize(float* x, float* y)
    {
        double* sums = stackalloc double[8], squares = stackalloc double[8];
        new Span<double>(sums, 8).Clear();
        new Span<double>(squares, 8).Clear();
        for (int c = 0; c < Channels; c++)
        {
            sums[c & 7] += x[c];
            squares[c & 7] += (double)x[c] * x[c]; // exact, so fused or not is the same
        }

        double sum = 0, square = 0;
        for (int lane = 0; lane < 8; lane++)
        {
            sum += sums[lane];
            square += squares[lane];
        }

        double mean = sum / Channels;
        var scale = (float)(1 / Math.Sqrt(Math.Max(square / Channels - mean * mean, 0) + Epsilon));
        var centre = (float)mean;
        Vector256<float> s = Vector256.Create(scale), m = Vector256.Create(centre);
        int i = 0;
        for (; i <= Channels - 8; i += 8)
            Vector256.FusedMultiplyAdd((Vector256.Load(x + i) - m) * s, Vector256.Load(Gamma + i), Vector256.Load(Beta + i)).Store(y + i);
        for (; i < Channels; i++) y[i] = MathF.FusedMultiplyAdd((x[i] - centre) * scale, Gamma[i], Beta[i]);
    }
}
