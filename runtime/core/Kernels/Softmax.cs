using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>The exponentials of a softmax and the reciprocal of their sum. Eight partial sums, one for each index modulo 8, are added in order.</summary>
internal static unsafe class Softmax
{
    /// <summary>What an exponential of 1 becomes.</summary>
    public const float Levels = 255;

    /// <summary>x ← exp(x − max x).</summary>
    /// <returns>1 / Σ of the new values.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Exponentials(float* x, int length)
    {
        // A maximum is the same in any order.
        Vector256<float> sums = default, max = Vector256.Create(x[0]);
        int next = 0;
        for (; next <= length - 8; next += 8) max = Vector256.Max(max, Vector256.Load(x + next));
        float largest = max[0];
        for (int lane = 1; lane < 8; lane++) largest = MathF.Max(largest, max[lane]);
        for (; next < length; next++) largest = MathF.Max(largest, x[next]);

        max = Vector256.Create(largest);
        for (next = 0; next <= length - 8; next += 8)
        {
            Vector256<float> e = Transcendental.Exp(Vector256.Load(x + next) - max);
            e.Store(x + next);
            sums += e;
        }

        float* partial = stackalloc float[8];
        sums.Store(partial);
        for (; next < length; next++) partial[next % 8] += x[next] = Transcendental.Exp(x[next] - largest);
        float sum = 0;
        for (int lane = 0; lane < 8; lane++) sum += partial[lane];
        return 1f / sum;
    }

    /// <summary>u = round(255·exp(x − max x)), ties to even, as 16-bit words in the place of x, with zeros up to a multiple of four words.</summary>
    /// <returns>1 / Σ of the exponentials before they were rounded.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
