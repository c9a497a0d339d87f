using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>The exponentials of a softmax and the reciprocal of their sum. Eight partial sums, one for each index modulo 8, are added in order.</summary>
internal static unsafe class Softmax
{
    /// <summary>What an exponential of 1 becomes.</summary>
    public const float Levels = 255;

    /// <summary>x ← exp(x − max x), and zeros up to a multiple of eight elements.</summary>
    /// <returns>1 / Σ of the new values.</returns>
    public static float Exponentials(float* x, int length, bool wide) => wide ? Exponentials512(x, length) : Exponentials256(x, length);

    [MethodImpl(Jit.Kernel)]
    private static float Exponentials256(float* x, int length)
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

        return Inverse(sums);
    }

    /// <summary>The same in vectors of 512 bits, whose halves are added to the partial sums one after the other; what is left over takes the other form's way.</summary>
    [MethodImpl(Jit.Kernel)]
    private static float Exponentials512(float* x, int length)
    {
        if (length < 16) return Exponentials256(x, length);
        // A maximum is the same in any order, and however often an element is looked at.
        Vector512<float> largest = Vector512.Load(x + length - 16);
        for (int i = 0; i <= length - 16; i += 16) largest = Vector512.MaxNative(largest, Vector512.Load(x + i));
        Vector256<float> eight = Vector256.MaxNative(largest.GetLower(), largest.GetUpper());
        Vector128<float> four = Vector128.MaxNative(eight.GetLower(), eight.GetUpper());
        four = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        float most = MathF.Max(four[0], four[1]);

        Vector256<float> sums = default;
        int next = 0;
        for (Vector512<float> max = Vector512.Create(most); next <= length - 16; next += 16)
        {
            Vector512<float> e = Transcendental.Exp(Vector512.Load(x + next) - max);
            e.Store(x + next);
            sums += e.GetLower();
            sums += e.GetUpper();
        }

        for (Vector256<float> max = Vector256.Create(most); next < length; next += 8)
        {
            Vector256<float> inside = Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(length - next)).AsSingle();
            Vector256<float> e = Transcendental.Exp(Vector256.ConditionalSelect(inside, Vector256.Load(x + next), max) - max) & inside;
            e.Store(x + next);
            sums += e;
        }

        return Inverse(sums);
    }

    private static float Inverse(Vector256<float> sums)
    {
        float sum = 0;
        for (int lane = 0; lane < 8; lane++) sum += sums[lane];
        return 1f / sum;
    }

    /// <summary>u = round(255·exp(x − max x)), ties to even, as 16-bit words in the place of x, with zeros up to a multiple of four words.</summary>
    /// <returns>1 / Σ of the exponentials before they were rounded.</returns>
    [MethodImpl(Jit.Kernel)]
    public static float QuantizedExponentials(float* x, int length, bool wide)
    {
        // Adding 1.5·2^23 rounds to an integer, which is then in the low bits.
        const float roundingBias = 12582912f;

        float inverse = Exponentials(x, length, wide);
        var words = (short*)x;
        int next = 0;
        // Words lie before the numbers that are still to be read.
        for (; wide && next <= length - 16; next += 16)
        {
            Vector512<int> u = (Vector512.Load(x + next) * Levels + Vector512.Create(roundingBias)).AsInt32() - Vector512.Create(roundingBias).AsInt32();
            (Avx512F.IsSupported ? Avx512F.ConvertToVector256Int16(u) : Vector256.Narrow(u.GetLower(), u.GetUpper())).Store(words + next);
        }

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
