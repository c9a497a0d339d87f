using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>The exponentials of a softmax and the reciprocal of their sum. Eight partial sums, one for each index modulo 8, are added in order.</summary>
internal static unsafe class Softmax
{
    /// <summary>What an exponential of 1 becomes.</summary>
    public const float Levels = 255;

    /// <summary>x ← exp(x − max x), and zeros up to a multiple of eight elements.</summary>
    /// <returns>1 / Σ of the new values.</returns>
    [MethodImpl(Jit.Kernel)]
    public static float Exponentials(float* x, int length)
    {
        int last = (length - 1) & ~7;
        Vector256<float> inside = Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(length - last)).AsSingle();

        // A maximum is the same in any order. What follows the last element counts as the first.
        Vector256<float> sums = default, max = Vector256.ConditionalSelect(inside, Vector256.Load(x + last), Vector256.Create(x[0]));
        for (int i = 0; i < last; i += 8) max = Vector256.MaxNative(max, Vector256.Load(x + i));
        Vector128<float> four = Vector128.MaxNative(max.GetLower(), max.GetUpper());
        four = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        max = Vector256.Create(MathF.Max(four[0], four[1]));

        for (int i = 0; i <= last; i += 8)
        {
            Vector256<float> e = Transcendental.Exp(Vector256.Load(x + i) - max);
            if (i == last) e &= inside; // Adding 0 changes no sum.
            e.Store(x + i);
            sums += e;
        }

        float sum = 0;
        for (int lane = 0; lane < 8; lane++) sum += sums[lane];
        return 1f / sum;
    }

    /// <summary>u = round(255·exp(x − max x)), ties to even, as 16-bit words in the place of x, with zeros up to a multiple of four words.</summary>
    /// <returns>1 / Σ of the exponentials before they were rounded.</returns>
    [MethodImpl(Jit.Kernel)]
    public static float QuantizedExponentials(float* x, int length)
    {
        // Adding 1.5·2^23 rounds to an integer, which is then in the low bits.
        const float roundingBias = 12582912f;

        float inverse = Exponentials(x, length);
        var words = (short*)x;
        int next = 0;
        // Words lie before the numbers that are still to be read.
        for (; next <= length - 8; next += 8)
        {
            Vector256<int> u = (Vector256.Load(x + next) * Levels + Vector256.Create(roundingBias)).AsInt32() - Vector256.Create(roundingBias).AsInt32();
            Vector128.Narrow(u.GetLower(), u.GetUpper()).Store(words + next);
        }

        for (; next < length; next++) words[next] = (short)QuantizedExponential(x[next]);
        for (; next % 4 != 0; next++) words[next] = 0;
        return inverse;
    }

    /// <summary>The plain form of one word, from exp(x − max x).</summary>
    public static int QuantizedExponential(float exponential) => (int)MathF.Round(exponential * Levels);

    /// <summary>The plain form.</summary>
    public static float PlainExponentials(float* x, int length)
    {
        float largest = float.NegativeInfinity;
        for (int i = 0; i < length; i++) largest = MathF.Max(largest, x[i]);
        float* partial = stackalloc float[8];
        for (int lane = 0; lane < 8; lane++) partial[lane] = 0;
        for (int i = 0; i < length; i++) partial[i % 8] += x[i] = Transcendental.Exp(x[i] - largest);
        float sum = 0;
        for (int lane = 0; lane < 8; lane++) sum += partial[lane];
        return 1f / sum;
    }
}
