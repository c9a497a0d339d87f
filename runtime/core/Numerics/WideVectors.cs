using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Specializer.Numerics;

/// <summary>Whether vectors of 512 bits pay. Some processors compute 512 bits at once, others in two halves, and nothing that a program can ask says which;
/// so it is measured once a process, in some 50 microseconds. The choice leaves no trace in any result.</summary>
internal static class WideVectors
{
    private const int Tries = 20, Iterations = 256;

    /// <summary>Halves give a factor of 1, whole vectors one of 2.</summary>
    private const double LeastGain = 1.4;

    /// <summary>True where vectors of 512 bits multiply more than those of 256. <c>DOTNET_EnableAVX512=0</c> switches them off.</summary>
    public static bool Pay { get; } = Vector512.IsHardwareAccelerated && Avx512BW.IsSupported && Gain() >= LeastGain;

    /// <summary>Products a second of 512 bits over those of 256, of the fastest of several tries each, in turn: disturbances only ever add.</summary>
    private static double Gain()
    {
        long narrow = long.MaxValue, wide = long.MaxValue;
        for (int i = 0; i < Tries; i++)
        {
            long start = Stopwatch.GetTimestamp();
            float sum = Narrow();
            long middle = Stopwatch.GetTimestamp();
            sum += Wide();
            long end = Stopwatch.GetTimestamp();
            GC.KeepAlive(sum);
            narrow = Math.Min(narrow, middle - start);
            wide = Math.Min(wide, end - middle);
        }

        return 2.0 * narrow / Math.Max(wide, 1);
    }

    [MethodImpl(Jit.Kernel)]
    private static float Narrow()
    {
        Vector256<float> a = Vector256.Create(0.5f), s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a;
        for (int i = 0; i < Iterations; i++)
        {
            s0 = Vector256.FusedMultiplyAdd(s0, a, a);
            s1 = Vector256.FusedMultiplyAdd(s1, a, a);
            s2 = Vector256.FusedMultiplyAdd(s2, a, a);
            s3 = Vector256.FusedMultiplyAdd(s3, a, a);
            s4 = Vector256.FusedMultiplyAdd(s4, a, a);
            s5 = Vector256.FusedMultiplyAdd(s5, a, a);
            s6 = Vector256.FusedMultiplyAdd(s6, a, a);
            s7 = Vector256.FusedMultiplyAdd(s7, a, a);
            s8 = Vector256.FusedMultiplyAdd(s8, a, a);
            s9 = Vector256.FusedMultiplyAdd(s9, a, a);
        }

        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9)[0];
    }

    [MethodImpl(Jit.Kernel)]
    private static float Wide()
    {
        Vector512<float> a = Vector512.Create(0.5f), s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a;
        for (int i = 0; i < Iterations; i++)
        {
            s0 = Vector512.FusedMultiplyAdd(s0, a, a);
            s1 = Vector512.FusedMultiplyAdd(s1, a, a);
            s2 = Vector512.FusedMultiplyAdd(s2, a, a);
            s3 = Vector512.FusedMultiplyAdd(s3, a, a);
            s4 = Vector512.FusedMultiplyAdd(s4, a, a);
            s5 = Vector512.FusedMultiplyAdd(s5, a, a);
            s6 = Vector512.FusedMultiplyAdd(s6, a, a);
            s7 = Vector512.FusedMultiplyAdd(s7, a, a);
            s8 = Vector512.FusedMultiplyAdd(s8, a, a);
            s9 = Vector512.FusedMultiplyAdd(s9, a, a);
        }

        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9)[0];
    }
}
