using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Specializer.Numerics;

/// <summary>Single-precision exp, log, sin and cos with the same bits on every machine: only IEEE additions, multiplications,
/// divisions, fused multiply-adds and integer operations, in a fixed order. The platform's own functions differ between systems.</summary>
/// <remarks>Polynomials are minimax fits (Remez) over the reduced range, with coefficients rounded to single precision.
/// Scalar functions broadcast, so they agree with each lane by construction. Bits of NaN results are unspecified.</remarks>
internal static partial class Transcendental
{
    // 1.5·2^23: adding it leaves the nearest integer (ties to even) in the low mantissa bits, for |x| < 2^22.
    private const float RoundingBias = 12582912f;

    // ln 2 = High + Low. High has eight significant bits, so its product with an exponent is exact.
    private const float Ln2High = 0.69140625f;
    private const float Ln2Low = 0.0017409306f;

    // Below, e^x vanishes beside 1 whatever its bits.
    private const float SiluLeast = -87f;

    /// <summary>e^x within 1.1 ulp; +∞ above 88.73, gradual underflow to 0 below −87.3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        // Outside these bounds the result has saturated.
        var (r, biased) = Reduce(x, -104f);
        var n = biased.AsInt32() - Vector256.Create(RoundingBias).AsInt32();

        // n reaches −150 and 128, beyond a float's exponent, so 2^n is two factors; only the last product can round.
        var half = n >> 1;
        return ExpOfRest(r) * PowerOfTwo(half) * PowerOfTwo(n - half);
    }

    /// <summary>x = n·ln 2 + r with |r| ≤ ln 2 / 2, for x between <paramref name="least"/> and 89, others taken as the nearer of the two; NaN stays.
    /// n is in the low bits of the second result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> R, Vector256<float> Biased) Reduce(Vector256<float> x, float least)
    {
        // The instructions return their second operand if one is NaN, or NaN.
        x = Vector256.MaxNative(Vector256.Create(least), Vector256.MinNative(Vector256.Create(89f), x));
        var biased = Fma(x, Vector256.Create(1.442695f), Vector256.Create(RoundingBias));
        var n = biased - Vector256.Create(RoundingBias);
        return (Fma(n, Vector256.Create(-Ln2Low), Fma(n, Vector256.Create(-Ln2High), x)), biased);
    }

    /// <summary>e^r = 1 + (r + r²·p(r)), for |r| ≤ ln 2 / 2: in [√½, √2].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> ExpOfRest(Vector256<float> r)
    {
        var p = Fma(r, Vector256.Create(0.0013814599f), Vector256.Create(0.008368717f));
        p = Fma(r, p, Vector256.Create(0.04166839f));
        p = Fma(r, p, Vector256.Create(0.16666521f));
        p = Fma(r, p, Vector256.Create(0.49999994f));
        return Fma(r * r, p, r) + Vector256<float>.One;
    }

    /// <inheritdoc cref="Exp(Vector256{float})"/>
    public static float Exp(float x) => Exp(Vector256.Create(x)).ToScalar();

    /// <summary>x·sigmoid(x) = x / (1 + e^−x). Of −∞: NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Silu(Vector256<float> x)
    {
        var (r, biased) = Reduce(-x, SiluLeast);
        return Silu(x, r, biased);
    }

    /// <summary>The second half of silu, from the reduced −x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Silu(Vector256<float> x, Vector256<float> r, Vector256<float> biased)
    {
        // n is added to the exponent's bits: right where the exponential is a normal number, too large only where it is +∞.
        var exponential = Vector256.Min(ExpOfRest(r).AsInt32() + (biased.AsInt32() << 23), Vector256.Create(float.PositiveInfinity).AsInt32());
        return x / (Vector256<float>.One + exponential.AsSingle());
    }

    /// <summary>x ← silu(x), <paramref name="count"/> elements.</summary>
    /// <remarks>Two loops, because one silu is a chain of 80 cycles: a processor looks ahead far enough for a few of them, which do not fill its units, but for many halves.</remarks>
    [SkipLocalsInit]
    [MethodImpl(Jit.Kernel)]
    public static unsafe void Silu(float* x, int count)
    {
        int done = WideVectors.Pay ? WideSilu(x, count) : 0;
        x += done;
        count -= done;
        const int block = 1024;
        float* rest = stackalloc float[block], biased = stackalloc float[block];
        int end;
        for (; count >= 8; x += end, count -= end)
        {
            end = Math.Min(count, block) & ~7;
            for (int i = 0; i < end; i += 8)
            {
                var (r, b) = Reduce(-Vector256.Load(x + i), SiluLeast);
                r.Store(rest + i);
                b.Store(biased + i);
            }

            for (int i = 0; i < end; i += 8) Silu(Vector256.Load(x + i), Vector256.Load(rest + i), Vector256.Load(biased + i)).Store(x + i);
        }

        for (; count > 0; x++, count--) *x = Silu(*x);
    }

    /// <inheritdoc cref="Silu(Vector256{float})"/>
    public static float Silu(float x) => Silu(Vector256.Create(x)).ToScalar();

    /// <summary>erf x within 1.1e-7: |x|·p(x²) with its sign below 0.9, above 1 − e^−q(|x|), 1 from 4 on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Erf(Vector256<float> x)
    {
        var magnitude = Vector256.Abs(x);
        var square = magnitude * magnitude;
        var p = Fma(square, Vector256.Create(-0.00061069895f), Vector256.Create(0.0050153574f));
        p = Fma(square, p, Vector256.Create(-0.026781339f));
        p = Fma(square, p, Vector256.Create(0.11282212f));
        p = Fma(square, p, Vector256.Create(-0.3761253f));
        p = Fma(square, p, Vector256.Create(1.1283791f)) * magnitude;

        var t = Vector256.MinNative(magnitude, Vector256.Create(4f));
        var q = Fma(t, Vector256.Create(-1.6102405e-06f), Vector256.Create(4.5512774e-05f));
        q = Fma(t, q, Vector256.Create(-0.00059209275f));
        q = Fma(t, q, Vector256.Create(0.0047369506f));
        q = Fma(t, q, Vector256.Create(-0.026355121f));
        q = Fma(t, q, Vector256.Create(0.1099608f));
        q = Fma(t, q, Vector256.Create(0.6319562f));
        q = Fma(t, q, Vector256.Create(1.1301551f));
        q = Vector256<float>.One - Exp(-Fma(t, q, Vector256.Create(-0.00030026882f)));
        q = Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(4f)), Vector256<float>.One, q);

        var result = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(0.9f)), p, q);
        return Vector256.CopySign(result, x);
    }

    /// <inheritdoc cref="Erf(Vector256{float})"/>
    public static float Erf(float x) => Erf(Vector256.Create(x)).ToScalar();

    /// <summary>x·Φ(x) = x/2·(1 + erf(x/√2)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Gelu(Vector256<float> x) =>
        Vector256.Create(0.5f) * x * (Vector256<float>.One + Erf(x * Vector256.Create(0.70710677f)));

    /// <summary>x·sigmoid(1.702·x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> QuickGelu(Vector256<float> x) => x / (Vector256<float>.One + Exp(x * Vector256.Create(-1.702f)));

    /// <summary>x·tanh(ln(1 + eˣ)) = x·n / (n + 2) with n = eˣ·(eˣ + 2); x itself from 20 on, where both are equal in FP32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Mish(Vector256<float> x)
    {
        var e = Exp(Vector256.MinNative(x, Vector256.Create(20f)));
        var n = e * (e + Vector256.Create(2f));
        return x * (n / (n + Vector256.Create(2f)));
    }

    /// <summary>tanh x = 1 − 2 / (1 + e²ˣ): within 1.2e-7, absolutely.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Tanh(Vector256<float> x) => Vector256<float>.One - Vector256.Create(2f) / (Vector256<float>.One + Exp(x + x));

    /// <summary>Natural logarithm within 1 ulp; −∞ at 0, NaN below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Log(Vector256<float> x)
    {
        var subnormal = Vector256.LessThan(x, Vector256.Create(1.17549435e-38f));
        var bits = Vector256.ConditionalSelect(subnormal, x * Vector256.Create(8388608f), x).AsInt32();

        // x = 2^k·m with m in [√½, √2): the constant is the bit pattern of √½.
        var k = (bits - Vector256.Create(0x3F3504F3)) >> 23;
        var f = (bits - (k << 23)).AsSingle() - Vector256<float>.One;
        var e = Vector256.ConvertToSingle(k) - (subnormal & Vector256.Create(23f));

        // ln(1+f) = 2·artanh(s), s = f/(2+f), written as f − (f²/2 − s·(f²/2 + r)) so that the leading term is exact.
        var s = f / (f + Vector256.Create(2f));
        var z = s * s;
        var r = Fma(z, Vector256.Create(0.23583569f), Vector256.Create(0.28537238f));
        r = Fma(z, r, Vector256.Create(0.40000337f));
        r = Fma(z, r, Vector256.Create(0.6666666f)) * z;
        var halfSquare = f * f * Vector256.Create(0.5f);
        var small = Fma(s, halfSquare + r, e * Vector256.Create(Ln2Low));
        var y = Fma(e, Vector256.Create(Ln2High), f - (halfSquare - small));

        // 0, negative, +∞ and NaN, for which the reduction means nothing.
        y = Vector256.ConditionalSelect(Vector256.Equals(x, Vector256<float>.Zero), Vector256.Create(float.NegativeInfinity), y);
        y = Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256<float>.Zero), Vector256.Create(float.NaN), y);
        return Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256.Create(float.PositiveInfinity)), y, x);
    }

    /// <inheritdoc cref="Log(Vector256{float})"/>
    public static float Log(float x) => Log(Vector256.Create(x)).ToScalar();

    /// <summary>(sin 2πt, cos 2πt) within 2 ulp, for |t| ≤ 2^19.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> Sin, Vector256<float> Cos) SinCosTurns(Vector256<float> t)
    {
        // The nearest quarter turn; what is left, at most an eighth, is exact.
        var biased = Fma(t, Vector256.Create(4f), Vector256.Create(RoundingBias));
        var rest = Fma(biased - Vector256.Create(RoundingBias), Vector256.Create(-0.25f), t);
        // Its low bits number the quarter.
        var quarter = biased.AsInt32();
        var z = rest * rest;
        var s = Fma(z, Vector256.Create(-75.45327f), Vector256.Create(81.59393f));
        s = Fma(z, s, Vector256.Create(-41.341675f)) * z;
        // 2π = 6.2831855 − 1.7484555e−7.
        s = Fma(rest, Vector256.Create(6.2831855f), rest * (s - Vector256.Create(1.7484555e-7f)));
        var c = Fma(z, Vector256.Create(59.245865f), Vector256.Create(-85.44374f));
        c = Fma(z, c, Vector256.Create(64.93932f));
        c = Fma(z, c, Vector256.Create(-19.739208f));
        c = Fma(z, c, Vector256<float>.One);

        // An odd quarter swaps the two; bit 1 of the quarter is the sine's sign, bit 1 of the next one the cosine's.
        var odd = Vector256.Equals(quarter & Vector256<int>.One, Vector256<int>.One).AsSingle();
        var sinSign = ((quarter & Vector256.Create(2)) << 30).AsSingle();
        var cosSign = (((quarter + Vector256<int>.One) & Vector256.Create(2)) << 30).AsSingle();
        return (Vector256.ConditionalSelect(odd, c, s) ^ sinSign, Vector256.ConditionalSelect(odd, s, c) ^ cosSign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Fma(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Vector256.FusedMultiplyAdd(a, b, c);

    /// <summary>2^n for −126 ≤ n ≤ 127, by its bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PowerOfTwo(Vector256<int> n) => ((n + Vector256.Create(127)) << 23).AsSingle();
}
