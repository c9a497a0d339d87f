using System.Runtime.InteropServices;

namespace Specializer.Kernels.Tests;

/// <summary>Tiles of 512 bits beside those of 256, on any processor: where it has no such vectors, .NET makes them of two.</summary>
public unsafe class WideTileTests
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    /// <summary>Taps, blocks, blocks of a run and runs until the narrow sums are moved.</summary>
    public static TheoryData<int, int, int, int> Sizes => new() { { 1, 1, 1, 1 }, { 9, 1, 1, 2 }, { 9, 3, 3, 2 }, { 1, 17, 5, 1 }, { 4, 7, 2, 1 }, { 25, 2, 2, 3 } };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Sums_equal_those_of_256_bits(int taps, int blocks, int run, int flushAfter)
    {
        var random = new Random(taps + blocks);
        var activations = new byte[taps * 16 * blocks * 8];
        random.NextBytes(activations);
        var words = new short[taps * 16 * blocks * 4];
        for (int i = 0; i < words.Length; i++) words[i] = (short)random.Next(-17340, 17341);
        Check<NibbleTile, WideNibbleTile>(activations, Values.Weights(random, taps * blocks * NibbleTile.ExpandedBlockBytes, 4), taps, blocks, new(run, flushAfter), 4);
        Check<WordTile, WideWordTile>(words, Words(taps * blocks * WordTile.ExpandedBlockBytes / 2), taps, blocks, default, 4 * sizeof(short));
        Check<FloatTile, WideFloatTile>(Values.Floats(random, taps * 16 * blocks), Values.Floats(random, taps * blocks * PanelWidth), taps, blocks, default, sizeof(float));

        short[] Words(int count) => [.. Enumerable.Range(0, count).Select(_ => (short)random.Next(-6223, 6224))];
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    public void Two_panels_together_give_the_sums_of_each(int blocks)
    {
        var random = new Random(blocks);
        int panel = blocks * WideWordTile.ExpandedBlockBytes / sizeof(short), row = 4 * blocks, results = WideWordTile.Pixels * PanelWidth;
        short[] weights = Words(2 * panel, 6223), activations = Words(WideWordTile.Pixels * row, 17340);
        int[] each = new int[2 * results], together = new int[2 * results];
        byte** rows = stackalloc byte*[WideWordTile.Pixels];
        fixed (short* w = weights, a = activations)
        fixed (int* e = each, t = together)
        {
            for (int i = 0; i < WideWordTile.Pixels; i++) rows[i] = (byte*)(a + i * row);
            for (int i = 0; i < 2; i++) WideWordTile.Multiply(rows, 0, 1, blocks, default, (byte*)(w + i * panel), (byte*)(e + i * results));
            WideWordTile.MultiplyTwo(rows, blocks, (byte*)w, (byte*)(w + panel), (byte*)t, (byte*)(t + results));
        }

        Assert.Equal(each, together);
        Assert.True(each.Distinct().Count() > results);

        short[] Words(int count, int largest) => [.. Enumerable.Range(0, count).Select(_ => (short)random.Next(-largest, largest + 1))];
    }

    private static void Check<TTile, TWide>(Array activations, Array panel, int taps, int blocks, NarrowRuns runs, int blockBytes)
        where TTile : struct, ITileKernel
        where TWide : struct, ITileKernel
    {
        // 48 pixels, a whole number of tiles of either width, share 16 inputs.
        int[] narrow = Multiply<TTile>(activations, panel, taps, blocks, runs, blockBytes), wide = Multiply<TWide>(activations, panel, taps, blocks, runs, blockBytes);
        Assert.Equal(narrow, wide);
        Assert.True(narrow.Distinct().Count() > PanelWidth);
    }

    private static int[] Multiply<TTile>(Array activations, Array panel, int taps, int blocks, NarrowRuns runs, int blockBytes)
        where TTile : struct, ITileKernel
    {
        const int pixels = 48;
        var sums = new int[pixels * PanelWidth];
        byte** inputs = stackalloc byte*[taps * pixels];
        var from = GCHandle.Alloc(activations, GCHandleType.Pinned);
        var weights = GCHandle.Alloc(panel, GCHandleType.Pinned);
        try
        {
            for (int i = 0; i < taps * pixels; i++) inputs[i] = (byte*)from.AddrOfPinnedObject() + (i / pixels * 16 + i % 16) * blocks * blockBytes;
            fixed (int* y = sums)
                for (int pixel = 0; pixel < pixels; pixel += TTile.Pixels)
                    TTile.Multiply(inputs + pixel, pixels, taps, blocks, runs, (byte*)weights.AddrOfPinnedObject(), (byte*)(y + pixel * PanelWidth));
        }
        finally
        {
            from.Free();
            weights.Free();
        }

        return sums;
    }
}
