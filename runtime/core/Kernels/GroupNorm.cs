using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>Group normalisation in three passes: sums of a row, statistics of a group, and the affine map of a row.</summary>
internal static unsafe partial class GroupNorm
{
    /// <summary>Per channel of one row the sums of x and x² in double precision, pixels in order. A square of a float is exact there,
    /// so it is the same whether or not the addition is fused.</summary>
    [MethodImpl(Jit.Kernel)]
    public static void SumRow(float* row, int width, int channels, double* sums, double* squares)
    {
        int c = WideVectors.Pay ? WideSums(row, width, channels, sums, squares) : 0;
        for (; c <= channels - 16; c += 16)
        {
            Vector256<double> s0 = default, s1 = default, s2 = default, s3 = default, q0 = default, q1 = default, q2 = default, q3 = default;
            float* x = row + c;
            for (int pixel = 0; pixel < width; pixel++, x += channels)
            {
                Vector256<double> a = Widen(x), b = Widen(x + 4), d = Widen(x + 8), e = Widen(x + 12);
                s0 += a;
                s1 += b;
                s2 += d;
                s3 += e;
                q0 = Vector256.FusedMultiplyAdd(a, a, q0);
                q1 = Vector256.FusedMultiplyAdd(b, b, q1);
                q2 = Vector256.FusedMultiplyAdd(d, d, q2);
                q3 = Vector256.FusedMultiplyAdd(e, e, q3);
            }

            s0.Store(sums + c);
            s1.Store(sums + c + 4);
            s2.Store(sums + c + 8);
            s3.Store(sums + c + 12);
            q0.Store(squares + c);
            q1.Store(squares + c + 4);
            q2.Store(squares + c + 8);
            q3.Store(squares + c + 12);
        }

        for (; c < channels; c++) SumChannel(row + c, width, channels, sums + c, squares + c);
    }

    /// <summary>Four floats in double precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<double> Widen(float* x)
    {
        if (Avx.IsSupported) return Avx.ConvertToVector256Double(Vector128.Load(x));
        (Vector128<double> low, Vector128<double> high) = Vector128.Widen(Vector128.Load(x));
        return Vector256.Create(low, high);
    }

    /// <summary>The plain form, one channel.</summary>
    public static void SumChannel(float* x, int width, int channels, double* sum, double* square)
    {
        double s = 0, q = 0;
        for (int pixel = 0; pixel < width; pixel++, x += channels)
        {
            s += *x;
            q += (double)*x * *x;
        }

        *sum = s;
        *square = q;
    }

    /// <summary>Adds a group's channels over the rows, then the channels, and turns gamma and beta into factor and offset per channel.
    /// The sums are [row][2][channels], sums before squares; the first row receives the totals. The group holds <paramref name="count"/>
    /// channels from <paramref name="first"/> on.</summary>
    [MethodImpl(Jit.Kernel)]
    public static void Statistics(double* sums, int rows, int width, int channels, int first, int count, float epsilon,
        float* gamma, float* beta, float* factor, float* offset)
    {
        double* totals = sums + first, squareTotals = totals + channels;
        for (int row = 1; row < rows; row++)
        {
            double* s = totals + (long)row * 2 * channels, q = s + channels;
            int c = 0;
            for (; c <= count - 4; c += 4)
            {
                (Vector256.Load(totals + c) + Vector256.Load(s + c)).Store(totals + c);
                (Vector256.Load(squareTotals + c) + Vector256.Load(q + c)).Store(squareTotals + c);
            }

            for (; c < count; c++)
            {
                totals[c] += s[c];
                squareTotals[c] += q[c];
            }
        }

        double sum = 0, square = 0;
        for (int c = 0; c < count; c++)
        {
            sum += totals[c];
            square += squareTotals[c];
        }

        double n = (double)rows * width * count, mean = sum / n, variance = Math.Max(square / n - mean * mean, 0);
        double inverse = 1 / Math.Sqrt(variance + epsilon);
        for (int c = first; c < first + count; c++)
        {
            double a = gamma[c] * inverse;
            factor[c] = (float)a;
            offset[c] = (float)(beta[c] - mean * a);
        }
    }

    /// <summary>y = f(factor·x + offset), f being silu or nothing.</summary>
    [MethodImpl(Jit.Kernel)]
    public static void Apply(float* x, float* y, int pixels, int channels, float* factor, float* offset, bool silu)
    {
        float* first = y;
        bool wide = WideVectors.Pay;
        for (int pixel = 0; pixel < pixels; pixel++, x += channels, y += channels)
        {
            int c = 0;
            for (; wide && c <= channels - 16; c += 16) Vector512.FusedMultiplyAdd(Vector512.Load(factor + c), Vector512.Load(x + c), Vector512.Load(offset + c)).Store(y + c);
            for (; c <= channels - 8; c += 8) Vector256.FusedMultiplyAdd(Vector256.Load(factor + c), Vector256.Load(x + c), Vector256.Load(offset + c)).Store(y + c);
            for (; c < channels; c++) y[c] = MathF.FusedMultiplyAdd(factor[c], x[c], offset[c]);
        }

        if (silu) Transcendental.Silu(first, pixels * channels);
    }

    /// <summary>The plain form.</summary>
    public static float Map(float x, float factor, float offset, bool silu)
    {
        float v = MathF.FusedMultiplyAdd(factor, x, offset);
        return silu ? Transcendental.Silu(v) : v;
    }
}
