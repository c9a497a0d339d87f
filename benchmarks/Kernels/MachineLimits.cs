using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Specializer.Benchmarks.Kernels;

/// <summary>What one core can multiply and add when all operands stay in registers: twelve independent accumulators, no loads. In GMAC/s.</summary>
/// <param name="Float32">FP32 fused multiply-add.</param>
/// <param name="Word">Pairs of 16-bit products summed into 32 bits (<c>vpmaddwd</c>, <c>vpaddd</c>).</param>
/// <param name="Byte">Pairs of 8-bit products summed into 16 bits (<c>vpmaddubsw</c>, <c>vpaddw</c>).</param>
internal sealed record MachineLimits(MachineLimits.Rates Float32, MachineLimits.Rates Word, MachineLimits.Rates Byte)
{
    /// <summary>With 256-bit and with 512-bit vectors, and by AVX-VNNI's one instruction of 256 bits; 0 where .NET does not offer them.</summary>
    internal readonly record struct Rates(double Bits256, double Bits512, double Vnni = 0)
    {
        public double Best => Math.Max(Math.Max(Bits256, Bits512), Vnni);
    }

    private static readonly Lazy<MachineLimits?> s_here = new(() => Avx2.IsSupported && Fma.IsSupported ? Measure() : null);

    /// <summary>Of this processor, measured once; null where the loops cannot run.</summary>
    public static MachineLimits? Here => s_here.Value;

    private const int Accumulators = 12, Iterations = 1 << 16, Tries = 400;

    /// <exception cref="PlatformNotSupportedException">The loops need AVX2 and FMA.</exception>
    public static MachineLimits Measure()
    {
        if (!Avx2.IsSupported || !Fma.IsSupported) throw new PlatformNotSupportedException("The limits are measured with AVX2 and FMA, which this processor does not have.");
        bool wide = Avx512BW.IsSupported;
        return new(
            new(Rate(Float256, 8), wide ? Rate(Float512, 16) : 0),
            new(Rate(Word256, 16), wide ? Rate(Word512, 32) : 0, AvxVnni.IsSupported ? Rate(WordVnni, 16) : 0),
            new(Rate(Byte256, 32), wide ? Rate(Byte512, 64) : 0, AvxVnni.IsSupported ? Rate(ByteVnni, 32) : 0));
    }

    /// <summary>Products of one instruction times instructions a second, the best of many short tries.</summary>
    private static double Rate(Func<int, int> loop, int products)
    {
        double best = double.PositiveInfinity;
        for (int i = 0; i < Tries; i++)
        {
            long start = Stopwatch.GetTimestamp();
            GC.KeepAlive(loop(Iterations));
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        }

        return (double)products * Accumulators * Iterations / best;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Float256(int iterations)
    {
        Vector256<float> a = Vector256.Create(0.5f + iterations), b = Vector256.Create(0.25f);
        Vector256<float> s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a, s10 = a, s11 = a;
        for (int i = 0; i < iterations; i++)
        {
            s0 = Fma.MultiplyAdd(a, b, s0); s1 = Fma.MultiplyAdd(a, b, s1); s2 = Fma.MultiplyAdd(a, b, s2); s3 = Fma.MultiplyAdd(a, b, s3);
            s4 = Fma.MultiplyAdd(a, b, s4); s5 = Fma.MultiplyAdd(a, b, s5); s6 = Fma.MultiplyAdd(a, b, s6); s7 = Fma.MultiplyAdd(a, b, s7);
            s8 = Fma.MultiplyAdd(a, b, s8); s9 = Fma.MultiplyAdd(a, b, s9); s10 = Fma.MultiplyAdd(a, b, s10); s11 = Fma.MultiplyAdd(a, b, s11);
        }

        return (int)(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Float512(int iterations)
    {
        Vector512<float> a = Vector512.Create(0.5f + iterations), b = Vector512.Create(0.25f);
        Vector512<float> s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a, s10 = a, s11 = a;
        for (int i = 0; i < iterations; i++)
        {
            s0 = Vector512.FusedMultiplyAdd(a, b, s0); s1 = Vector512.FusedMultiplyAdd(a, b, s1); s2 = Vector512.FusedMultiplyAdd(a, b, s2); s3 = Vector512.FusedMultiplyAdd(a, b, s3);
            s4 = Vector512.FusedMultiplyAdd(a, b, s4); s5 = Vector512.FusedMultiplyAdd(a, b, s5); s6 = Vector512.FusedMultiplyAdd(a, b, s6); s7 = Vector512.FusedMultiplyAdd(a, b, s7);
            s8 = Vector512.FusedMultiplyAdd(a, b, s8); s9 = Vector512.FusedMultiplyAdd(a, b, s9); s10 = Vector512.FusedMultiplyAdd(a, b, s10); s11 = Vector512.FusedMultiplyAdd(a, b, s11);
        }

        return (int)(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)[0];
    }

    // In the integer loops one operand is the accumulator itself, or the compiler would move the product out of the loop.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Word256(int iterations)
    {
        Vector256<short> a = Vector256.Create((short)iterations);
        Vector256<int> s0 = Vector256.Create(iterations), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
        for (int i = 0; i < iterations; i++)
        {
            s0 += Avx2.MultiplyAddAdjacent(s0.AsInt16(), a); s1 += Avx2.MultiplyAddAdjacent(s1.AsInt16(), a); s2 += Avx2.MultiplyAddAdjacent(s2.AsInt16(), a);
            s3 += Avx2.MultiplyAddAdjacent(s3.AsInt16(), a); s4 += Avx2.MultiplyAddAdjacent(s4.AsInt16(), a); s5 += Avx2.MultiplyAddAdjacent(s5.AsInt16(), a);
            s6 += Avx2.MultiplyAddAdjacent(s6.AsInt16(), a); s7 += Avx2.MultiplyAddAdjacent(s7.AsInt16(), a); s8 += Avx2.MultiplyAddAdjacent(s8.AsInt16(), a);
            s9 += Avx2.MultiplyAddAdjacent(s9.AsInt16(), a); s10 += Avx2.MultiplyAddAdjacent(s10.AsInt16(), a); s11 += Avx2.MultiplyAddAdjacent(s11.AsInt16(), a);
        }

        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Word512(int iterations)
    {
        Vector512<short> a = Vector512.Create((short)iterations);
        Vector512<int> s0 = Vector512.Create(iterations), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
        for (int i = 0; i < iterations; i++)
        {
            s0 += Avx512BW.MultiplyAddAdjacent(s0.AsInt16(), a); s1 += Avx512BW.MultiplyAddAdjacent(s1.AsInt16(), a); s2 += Avx512BW.MultiplyAddAdjacent(s2.AsInt16(), a);
            s3 += Avx512BW.MultiplyAddAdjacent(s3.AsInt16(), a); s4 += Avx512BW.MultiplyAddAdjacent(s4.AsInt16(), a); s5 += Avx512BW.MultiplyAddAdjacent(s5.AsInt16(), a);
            s6 += Avx512BW.MultiplyAddAdjacent(s6.AsInt16(), a); s7 += Avx512BW.MultiplyAddAdjacent(s7.AsInt16(), a); s8 += Avx512BW.MultiplyAddAdjacent(s8.AsInt16(), a);
            s9 += Avx512BW.MultiplyAddAdjacent(s9.AsInt16(), a); s10 += Avx512BW.MultiplyAddAdjacent(s10.AsInt16(), a); s11 += Avx512BW.MultiplyAddAdjacent(s11.AsInt16(), a);
        }

        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Byte256(int iterations)
    {
        Vector256<sbyte> a = Vector256.Create((sbyte)iterations);
        Vector256<short> s0 = Vector256.Create((short)iterations), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
        for (int i = 0; i < iterations; i++)
        {
            s0 += Avx2.MultiplyAddAdjacent(s0.AsByte(), a); s1 += Avx2.MultiplyAddAdjacent(s1.AsByte(), a); s2 += Avx2.MultiplyAddAdjacent(s2.AsByte(), a);
            s3 += Avx2.MultiplyAddAdjacent(s3.AsByte(), a); s4 += Avx2.MultiplyAddAdjacent(s4.AsByte(), a); s5 += Avx2.MultiplyAddAdjacent(s5.AsByte(), a);
            s6 += Avx2.MultiplyAddAdjacent(s6.AsByte(), a); s7 += Avx2.MultiplyAddAdjacent(s7.AsByte(), a); s8 += Avx2.MultiplyAddAdjacent(s8.AsByte(), a);
            s9 += Avx2.MultiplyAddAdjacent(s9.AsByte(), a); s10 += Avx2.MultiplyAddAdjacent(s10.AsByte(), a); s11 += Avx2.MultiplyAddAdjacent(s11.AsByte(), a);
        }

        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Byte512(int iterations)
    {
        Vector512<sbyte> a = Vector512.Create((sbyte)iterations);
        Vector512<short> s0 = Vector512.Create((short)iterations), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
        for (int i = 0; i < iterations; i++)
        {
            s0 += Avx512BW.MultiplyAddAdjacent(s0.AsByte(), a); s1 += Avx512BW.MultiplyAddAdjacent(s1.AsByte(), a); s2 += Avx512BW.MultiplyAddAdjacent(s2.AsByte(), a);
            s3 += Avx512BW.MultiplyAddAdjacent(s3.AsByte(), a); s4 += Avx512BW.MultiplyAddAdjacent(s4.AsByte(), a); s5 += Avx512BW.MultiplyAddAdjacent(s5.AsByte(), a);
            s6 += Avx512BW.MultiplyAddAdjacent(s6.AsByte(), a); s7 += Avx512BW.MultiplyAddAdjacent(s7.AsByte(), a); s8 += Avx512BW.MultiplyAddAdjacent(s8.AsByte(), a);
            s9 += Avx512BW.MultiplyAddAdjacent(s9.AsByte(), a); s10 += Avx512BW.MultiplyAddAdjacent(s10.AsByte(), a); s11 += Avx512BW.MultiplyAddAdjacent(s11.AsByte(), a);
        }

        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int WordVnni(int iterations)
    {
        Vector256<short> a = Vector256.Create((short)iterations);
        Vector256<int> s0 = Vector256.Create(iterations), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
        for (int i = 0; i < iterations; i++)
        {
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, s0.AsInt16(), a); s1 = AvxVnni.MultiplyWideningAndAdd(s1, s1.AsInt16(), a); s2 = AvxVnni.MultiplyWideningAndAdd(s2, s2.AsInt16(), a);
            s3 = AvxVnni.MultiplyWideningAndAdd(s3, s3.AsInt16(), a); s4 = AvxVnni.MultiplyWideningAndAdd(s4, s4.AsInt16(), a); s5 = AvxVnni.MultiplyWideningAndAdd(s5, s5.AsInt16(), a);
            s6 = AvxVnni.MultiplyWideningAndAdd(s6, s6.AsInt16(), a); s7 = AvxVnni.MultiplyWideningAndAdd(s7, s7.AsInt16(), a); s8 = AvxVnni.MultiplyWideningAndAdd(s8, s8.AsInt16(), a);
            s9 = AvxVnni.MultiplyWideningAndAdd(s9, s9.AsInt16(), a); s10 = AvxVnni.MultiplyWideningAndAdd(s10, s10.AsInt16(), a); s11 = AvxVnni.MultiplyWideningAndAdd(s11, s11.AsInt16(), a);
        }

        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int ByteVnni(int iterations)
    {
        Vector256<sbyte> a = Vector256.Create((sbyte)iterations);
        Vector256<int> s0 = Vector256.Create(iterations), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
        for (int i = 0; i < iterations; i++)
        {
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, s0.AsByte(), a); s1 = AvxVnni.MultiplyWideningAndAdd(s1, s1.AsByte(), a); s2 = AvxVnni.MultiplyWideningAndAdd(s2, s2.AsByte(), a);
            s3 = AvxVnni.MultiplyWideningAndAdd(s3, s3.AsByte(), a); s4 = AvxVnni.MultiplyWideningAndAdd(s4, s4.AsByte(), a); s5 = AvxVnni.MultiplyWideningAndAdd(s5, s5.AsByte(), a);
            s6 = AvxVnni.MultiplyWideningAndAdd(s6, s6.AsByte(), a); s7 = AvxVnni.MultiplyWideningAndAdd(s7, s7.AsByte(), a); s8 = AvxVnni.MultiplyWideningAndAdd(s8, s8.AsByte(), a);
            s9 = AvxVnni.MultiplyWideningAndAdd(s9, s9.AsByte(), a); s10 = AvxVnni.MultiplyWideningAndAdd(s10, s10.AsByte(), a); s11 = AvxVnni.MultiplyWideningAndAdd(s11, s11.AsByte(), a);
        }

        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)[0];
    }
}
