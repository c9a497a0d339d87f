using System.Runtime.Intrinsics;

namespace Specializer.Kernels.Tests;

public class HalvesTests
{
    /// <summary>Subnormal numbers and zeros of both signs among them.</summary>
    [Fact]
    public unsafe void Every_finite_half_becomes_its_float()
    {
        ushort[] halves = [.. Enumerable.Range(0, 1 << 16).Select(i => (ushort)i).Where(h => Half.IsFinite(BitConverter.UInt16BitsToHalf(h)))];
        Assert.Equal(2 * 31 * 1024, halves.Length);
        var widened = new float[halves.Length];
        fixed (ushort* from = halves)
        fixed (float* to = widened)
        {
            for (int i = 0; i < halves.Length; i += 8) Halves.Widen((byte*)(from + i)).Store(to + i);
        }

        Values.Same([.. halves.Select(h => (float)BitConverter.UInt16BitsToHalf(h))], widened);
        Values.Same([.. halves.Select(Halves.Widen)], widened);
    }
}
