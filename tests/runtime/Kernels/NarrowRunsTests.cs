namespace Specializer.Kernels.Tests;

public unsafe class NarrowRunsTests
{
    [Theory]
    [InlineData(1, 9, 8, 255, 2)]
    [InlineData(3, 9, 32, 255, 7)]
    [InlineData(2, 9, 64, 255, 7)]
    [InlineData(2, 9, 64, 15, 7)]
    [InlineData(2, 1, 300, 255, 3)]
    [InlineData(1, 25, 5, 1, 7)]
    [InlineData(2, 9, 130, 255, 7)]
    public void Every_sum_that_is_moved_fits_16_bits(int panels, int taps, int blocks, int levels, int largest)
    {
        var random = new Random(7);
        int total = panels * taps * blocks;
        var packed = new byte[total * NibbleTile.PackedBlockBytes];
        for (int i = 0; i < packed.Length; i++)
            packed[i] = (byte)(random.Next(-largest, largest + 1) & 15 | random.Next(-largest, largest + 1) << 4);
        var expanded = new sbyte[total * NibbleTile.ExpandedBlockBytes];
        NarrowRuns runs;
        fixed (byte* from = packed)
        fixed (sbyte* to = expanded)
        {
            NibbleTile.Expand(from, (byte*)to, total);
            runs = NarrowRuns.Of(from, panels, taps, blocks, levels);
        }

        Assert.InRange(runs.Blocks, 1, blocks);
        Assert.True(runs.FlushAfter == 1 || runs.Blocks == blocks);
        Assert.True(Largest(expanded, taps, blocks, runs) * levels <= short.MaxValue);

        // Half as many moves would be too few.
        NarrowRuns deeper = runs.Blocks < blocks ? new(2 * runs.Blocks, 1) : new(blocks, 2 * runs.FlushAfter);
        if (runs.FlushAfter < taps) Assert.True(Largest(expanded, taps, blocks, deeper) * levels > short.MaxValue);
    }

    [Fact]
    public void The_largest_weights_fit_nine_blocks_of_bytes()
    {
        var packed = new byte[72 * NibbleTile.PackedBlockBytes];
        Array.Fill(packed, (byte)0x77);
        fixed (byte* from = packed)
        {
            Assert.Equal(new(8, 1), NarrowRuns.Of(from, 1, 9, 8, 255));
            Assert.Equal(new(9, 1), NarrowRuns.Of(from, 1, 4, 18, 255));
            Assert.Equal(new(8, 9), NarrowRuns.Of(from, 1, 9, 8, 15));
        }
    }

    /// <summary>The plain loop: largest positive or negative sum of a lane's weights between two moves.</summary>
    private static int Largest(sbyte[] expanded, int taps, int blocks, NarrowRuns runs)
    {
        int largest = 0, panelBlocks = taps * blocks;
        for (int panel = 0; panel < expanded.Length / 64 / panelBlocks; panel++)
            for (int lane = 0; lane < 32; lane++)
            {
                int positive = 0, negative = 0, left = runs.FlushAfter;
                for (int tap = 0; tap < taps; tap++)
                    for (int block = 0; block < blocks; block++)
                    {
                        for (int i = 0; i < 2; i++)
                        {
                            int w = expanded[(panel * panelBlocks + tap * blocks + block) * 64 + 2 * lane + i];
                            positive += Math.Max(w, 0);
                            negative += Math.Max(-w, 0);
                        }

                        largest = Math.Max(largest, Math.Max(positive, negative));
                        if ((block + 1) % runs.Blocks != 0 && block != blocks - 1 || --left > 0) continue;
                        (positive, negative, left) = (0, 0, runs.FlushAfter);
                    }
            }

        return largest;
    }
}
