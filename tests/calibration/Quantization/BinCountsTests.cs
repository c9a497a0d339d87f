namespace Specializer.Calibration.Tests;

public class BinCountsTests
{
    private const int Narrow = ActivationHistogram.Bins * sizeof(ushort);

    /// <summary>Few at a time and many at once, over every border between widths, and when pairs of bins are merged there.</summary>
    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(48)]
    public void Counts_go_on_where_a_bin_outgrows_its_width(int bits)
    {
        const int middle = ActivationHistogram.Bins / 2;
        long border = 1L << bits;
        var counts = new BinCounts();
        var plain = new long[ActivationHistogram.Bins];
        Add(middle, border - 2);
        Add(middle + 1, border / 2);
        Add(middle - 1, border - 1);
        Add(middle - 2, 1);
        Add(0, border + 3);
        for (int i = 0; i < 4; i++)
        {
            foreach (int bin in (int[])[middle, middle - 1, 5]) Add(bin, 1);
            AssertSame();
        }

        Add(middle, 3 * border - 1);
        AssertSame();
        // What lies beyond the middle half has no place any more: the caller's range has it empty.
        for (int merges = 0; merges < 3; merges++)
        {
            counts.MergePairs();
            plain = [.. Enumerable.Range(0, plain.Length).Select(b => 2 * b - middle is >= 0 and var first && first < plain.Length ? plain[first] + plain[first + 1] : 0)];
            AssertSame();
        }

        void Add(int bin, long count)
        {
            counts.Add(bin, count);
            plain[bin] += count;
        }

        void AssertSame() => Assert.Equal(plain, Enumerable.Range(0, plain.Length).Select(b => counts[b]));
    }

    [Fact]
    public void Sixteen_bits_are_held_until_a_bin_outgrows_them()
    {
        var counts = new BinCounts();
        Assert.InRange(Allocated(() => counts.Add(7, ushort.MaxValue)), Narrow, Narrow + 200);
        Assert.InRange(Allocated(() => counts.Add(1, 3)), 0, 200);
        Assert.InRange(Allocated(() => counts.Add(7, 1)), Narrow, Narrow + 200);
        Assert.Equal(0, counts[8]);
        Assert.Equal(ushort.MaxValue + 1, counts[7]);

        static long Allocated(Action action)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData((1L << 20) - 1, 1)]
    [InlineData(1L << 20, 2)]
    [InlineData((1L << 36) - 1, 2)]
    [InlineData(1L << 36, 3)]
    public void What_is_predicted_holds_a_sixteenth_in_one_bin(long values, int digits)
    {
        Assert.Equal(digits * Narrow, BinCounts.Bytes(values));
        var counts = new BinCounts();
        counts.Add(9, values / 16);
        Assert.Equal(values / 16, counts[9]);
    }
}
