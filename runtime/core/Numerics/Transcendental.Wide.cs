using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Specializer.Numerics;

/// <content>The same sequences in vectors of 512 bits.</content>
internal static partial class Transcendental
{
    /// <inheritdoc cref="Exp(Vector256{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var (r, biased) = Reduce(x, -104f);
        var n = biased.AsInt32() - Vector512.Create(RoundingBias).AsInt32();
        var half = n >> 1;
        return ExpOfRest(r) * PowerOfTwo(half) * PowerOfTwo(n - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> R, Vector512<float> Biased) Reduce(Vector512<float> x, float least)
    {
        x = Vector512.MaxNative(Vector512.Create(least), Vector512.MinNative(Vector512.Create(89f), x));
        var biased = Fma(x, Vector512.Create(1.442695f), Vector512.Create(RoundingBias));
        var n = biased - Vector512.Create(RoundingBias);
        return (Fma(n, Vector512.Create(-Ln2Low), Fma(n, Vector512.Create(-Ln2High), x)), biased);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ExpOfRest(Vector512<float> r)
    {
        var p = Fma(r, Vector512.Create(0.0013814599f), Vector512.Create(0.008368717f));
        p = Fma(r, p, Vector512.Create(0.04166839f));
        p = Fma(r, p, Vector512.Create(0.16666521f));
        p = Fma(r, p, Vector512.Create(0.49999994f));
        return Fma(r * r, p, r) + Vector512<float>.One;
    }

    /// <summary>x ← silu(x), in two loops as <see cref="Silu(float*, int)"/>, a multiple of sixteen elements.</summary>
    /// <returns>How many elements that were.</returns>
    [SkipLocalsInit]
    [MethodImpl(Jit.Kernel)]
    internal static unsafe int WideSilu(float* x, int count)
    {
        const int block = 1024;
        float* rest = stackalloc float[block], biased = stackalloc float[block];
        int done = 0;
        for (int end; count - done >= 16; x += end, done += end)
        {
            end = Math.Min(count - done, block) & ~15;
            for (int i = 0; i < end; i += 16)
            {
                var (r, b) = Reduce(-Vector512.Load(x + i), SiluLeast);
                r.Store(rest + i);
                b.Store(biased + i);
            }

            for (int i = 0; i < end; i += 16)
            {
                var exponential = Vector512.Min(ExpOfRest(Vector512.Load(rest + i)).AsInt32() + (Vector512.Load(biased + i).AsInt32() << 23), Vector512.Create(float.PositiveInfinity).AsInt32());
                (Vector512.Load(x + i) / (Vector512<float>.One + exponential.AsSingle())).Store(x + i);
            }
        }

        return done;
    }

    /// <inheritdoc cref="Erf(Vector256{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Erf(Vector512<float> x)
    {
        var magnitude = Vector512.Abs(x);
        var square = magnitude * magnitude;
        var p = Fma(square, Vector512.Create(-0.00061069895f), Vector512.Create(0.0050153574f));
        p = Fma(square, p, Vector512.Create(-0.026781339f));
        p = Fma(square, p, Vector512.Create(0.11282212f));
        p = Fma(square, p, Vector512.Create(-0.3761253f));
        p = Fma(square, p, Vector512.Create(1.1283791f)) * magnitude;

        var t = Vector512.MinNative(magnitude, Vector512.Create(4f));
        var q = Fma(t, Vector512.Create(-1.6102405e-06f), Vector512.Create(4.5512774e-05f));
        q = Fma(t, q, Vector512.Create(-0.00059209275f));
        q = Fma(t, q, Vector512.Create(0.0047369506f));
        q = Fma(t, q, Vector512.Create(-0.026355121f));
        q = Fma(t, q, Vector512.Create(0.1099608f));
        q = Fma(t, q, Vector512.Create(0.6319562f));
        q = Fma(t, q, Vector512.Create(1.1301551f));
        q = Vector512<float>.One - Exp(-Fma(t, q, Vector512.Create(-0.00030026882f)));
        q = Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(4f)), Vector512<float>.One, q);

        var result = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(0.9f)), p, q);
        return Vector512.CopySign(result, x);
    }

    /// <inheritdoc cref="Gelu(Vector256{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Gelu(Vector512<float> x) =>
        Vector512.Create(0.5f) * x * (Vector512<float>.One + Erf(x * Vector512.Create(0.70710677f)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Fma(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> n) => ((n + Vector512.Create(127)) << 23).AsSingle();
}
