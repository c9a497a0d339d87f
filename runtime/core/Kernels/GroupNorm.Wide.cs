using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <content>Sums with vectors of 512 bits: a lane adds the same numbers in the same order.</content>
internal static unsafe partial class GroupNorm
{
    /// <summary>The sums of as many channels of a row as make 32 at a time, so that eight sums are on their way at once.</summary>
    /// <returns>How many channels that were.</returns>
    [MethodImpl(Jit.Kernel)]
    internal static int WideSums(float* row, int width, int channels, double* sums, double* squares)
    {
        int c = 0;
        for (; c <= channels - 32; c += 32)
        {
            Vector512<double> s0 = default, s1 = default, s2 = default, s3 = default, q0 = default, q1 = default, q2 = default, q3 = default;
            float* x = row + c;
            for (int pixel = 0; pixel < width; pixel++, x += channels)
            {
                Vector512<double> a = WidenEight(x), b = WidenEight(x + 8), d = WidenEight(x + 16), e = WidenEight(x + 24);
                s0 += a;
                s1 += b;
                s2 += d;
                s3 += e;
                q0 = Vector512.FusedMultiplyAdd(a, a, q0);
                q1 = Vector512.FusedMultiplyAdd(b, b, q1);
                q2 = Vector512.FusedMultiplyAdd(d, d, q2);
                q3 = Vector512.FusedMultiplyAdd(e, e, q3);
            }

            s0.Store(sums + c);
            s1.Store(sums + c + 8);
            s2.Store(sums + c + 16);
            s3.Store(sums + c + 24);
            q0.Store(squares + c);
            q1.Store(squares + c + 8);
            q2.Store(squares + c + 16);
            q3.Store(squares + c + 24);
        }

        return c;
    }

    /// <summary>Eight floats in double precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> WidenEight(float* x) => Avx512F.IsSupported ? Avx512F.ConvertToVector512Double(Vector256.Load(x)) : Vector512.Create(Widen(x), Widen(x + 4));
}
