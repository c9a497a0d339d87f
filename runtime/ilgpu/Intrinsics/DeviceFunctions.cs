using ILGPU;

namespace Specializer.Ilgpu.Intrinsics;

/// <summary>The functions of Specializer.Numerics.Transcendental for one element, operation by operation the same.</summary>
internal static class DeviceFunctions
{
    private const float RoundingBias = 12582912f;
    private const float Ln2High = 0.69140625f;
    private const float Ln2Low = 0.0017409306f;

    public static float Exp(float x)
    {
        x = x > 89f ? 89f : x;
        x = x < -104f ? -104f : x;
        float biased = Fma(x, 1.442695f, RoundingBias);
        float n = biased - RoundingBias;
        float r = Fma(n, -Ln2Low, Fma(n, -Ln2High, x));
        float p = Fma(r, 0.0013814599f, 0.008368717f);
        p = Fma(r, p, 0.04166839f);
        p = Fma(r, p, 0.16666521f);
        p = Fma(r, p, 0.49999994f);
        float y = Fma(ExactMath.Multiply(r, r), p, r) + 1f;
        int exponent = Bits(biased) - Bits(RoundingBias);
        int half = exponent >> 1;
        return ExactMath.Multiply(ExactMath.Multiply(y, PowerOfTwo(half)), PowerOfTwo(exponent - half));
    }

    public static float Silu(float x) => x / (1f + Exp(-x));

    /// <summary>|x|·p(x²) with its sign below 0.9, above 1 − e^−q(|x|), 1 from 4 on.</summary>
    private static float Erf(float x)
    {
        float magnitude = Interop.IntAsFloat((uint)(Bits(x) & 0x7FFFFFFF)), result;
        if (magnitude < 0.9f)
        {
            float square = ExactMath.Multiply(magnitude, magnitude);
            float p = Fma(square, -0.00061069895f, 0.0050153574f);
            p = Fma(square, p, -0.026781339f);
            p = Fma(square, p, 0.11282212f);
            p = Fma(square, p, -0.3761253f);
            result = ExactMath.Multiply(Fma(square, p, 1.1283791f), magnitude);
        }
        else
        {
            float t = magnitude < 4f ? magnitude : 4f;
            float q = Fma(t, -1.6102405e-06f, 4.5512774e-05f);
            q = Fma(t, q, -0.00059209275f);
            q = Fma(t, q, 0.0047369506f);
            q = Fma(t, q, -0.026355121f);
            q = Fma(t, q, 0.1099608f);
            q = Fma(t, q, 0.6319562f);
            q = Fma(t, q, 1.1301551f);
            q = 1f - Exp(-Fma(t, q, -0.00030026882f));
            result = magnitude >= 4f ? 1f : q;
        }

        return Interop.IntAsFloat((uint)(Bits(result) & 0x7FFFFFFF | Bits(x) & int.MinValue));
    }

    public static float Gelu(float x) => ExactMath.Multiply(ExactMath.Multiply(0.5f, x), 1f + Erf(ExactMath.Multiply(x, 0.70710677f)));

    /// <summary>A non-linearity by its number.</summary>
    public static float Apply(Nonlinearity function, float x)
    {
        if (function == Nonlinearity.Silu) return Silu(x);
        if (function == Nonlinearity.Gelu) return Gelu(x);
        if (function == Nonlinearity.QuickGelu) return x / (1f + Exp(ExactMath.Multiply(x, -1.702f)));
        if (function == Nonlinearity.Relu) return x > 0f ? x : 0f;
        if (function == Nonlinearity.Tanh) return 1f - 2f / (1f + Exp(x + x));
        if (function != Nonlinearity.Mish) return x;
        float e = Exp(x < 20f ? x : 20f), n = ExactMath.Multiply(e, e + 2f);
        return ExactMath.Multiply(x, n / (n + 2f));
    }

    public static float Log(float x)
    {
        // The noise takes logarithms of normal numbers in (0, 1) only; the CPU's special cases are left out.
        int bits = Bits(x);
        int k = bits - 0x3F3504F3 >> 23;
        float f = Interop.IntAsFloat((uint)(bits - (k << 23))) - 1f, e = k;
        float s = f / (f + 2f), z = ExactMath.Multiply(s, s);
        float r = Fma(z, 0.23583569f, 0.28537238f);
        r = Fma(z, r, 0.40000337f);
        r = ExactMath.Multiply(Fma(z, r, 0.6666666f), z);
        float halfSquare = ExactMath.Multiply(ExactMath.Multiply(f, f), 0.5f);
        float small = Fma(s, halfSquare + r, ExactMath.Multiply(e, Ln2Low));
        return Fma(e, Ln2High, f - (halfSquare - small));
    }

    /// <summary>sin 2πt.</summary>
    public static float SinTurns(float t) => Turns(t, 0);

    /// <summary>cos 2πt.</summary>
    public static float CosTurns(float t) => Turns(t, 1);

    /// <summary>sin of (quarter + 4t) quarter turns: the cosine is the sine one quarter on.</summary>
    private static float Turns(float t, int quarter)
    {
        float biased = Fma(t, 4f, RoundingBias);
        float rest = Fma(biased - RoundingBias, -0.25f, t);
        quarter += Bits(biased);
        float z = ExactMath.Multiply(rest, rest);
        float s = Fma(z, -75.45327f, 81.59393f);
        s = ExactMath.Multiply(Fma(z, s, -41.341675f), z);
        s = Fma(rest, 6.2831855f, ExactMath.Multiply(rest, s - 1.7484555e-7f));
        float c = Fma(z, 59.245865f, -85.44374f);
        c = Fma(z, c, 64.93932f);
        c = Fma(z, c, -19.739208f);
        c = Fma(z, c, 1f);
        float value = (quarter & 1) == 0 ? s : c;
        return (quarter & 2) == 0 ? value : -value;
    }

    private static float Fma(float a, float b, float c) => ExactMath.FusedMultiplyAdd(a, b, c);

    private static float PowerOfTwo(int n) => Interop.IntAsFloat((uint)(n + 127 << 23));

    private static int Bits(float x) => (int)Interop.FloatAsInt(x);
}
