using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class PolicyTests
{
    [Theory]
    [InlineData(20, 5)]
    [InlineData(50, 12)]
    [InlineData(1, 0)]
    public void PresetRunsTheFirstQuarterAtFourBits(int steps, int low)
    {
        int[] bits = BitAllocation.Preset(steps);
        Assert.Equal(steps, bits.Length);
        Assert.All(bits[..low], b => Assert.Equal(4, b));
        Assert.All(bits[low..], b => Assert.Equal(8, b));
        Assert.Throws<ArgumentOutOfRangeException>(() => BitAllocation.Preset(10, 1.5));
    }

    [Fact]
    public void RuleComparesTheTwoRatios()
    {
        // SNR^F is 1/9, 1 and 9.
        Assert.Equal([4, 4, 8], BitAllocation.Rule([5, 5, 5], [0.1, 0.5, 0.9], 1));
        Assert.Equal([4, 8, 8], BitAllocation.Rule([5, 5, 5], [0.1, 0.5, 0.9], 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => BitAllocation.Rule([1], [0.5], 0));
    }

    [Fact]
    public void BudgetFindsTheBestOfAllAllocations()
    {
        var random = new Random(1);
        for (int trial = 0; trial < 50; trial++)
        {
            double[] cost4 = [.. Enumerable.Range(0, 10).Select(_ => random.NextDouble())], cost8 = [.. Enumerable.Range(0, 10).Select(_ => 0.3 * random.NextDouble())];
            int allowed = random.Next(11);
            int[] bits = BitAllocation.Budget([.. cost4.Zip(cost8, (four, eight) => four - eight)], allowed);
            Assert.True(bits.Count(b => b == 8) <= allowed);
            double best = Enumerable.Range(0, 1 << 10).Where(mask => int.PopCount(mask) <= allowed)
                .Min(mask => Enumerable.Range(0, 10).Sum(t => (mask >> t & 1) == 1 ? cost8[t] : cost4[t]));
            Assert.Equal(best, Enumerable.Range(0, 10).Sum(t => bits[t] == 8 ? cost8[t] : cost4[t]), 1e-12);
        }
    }

    [Fact]
    public void FourBitsGoOnlyWhereTheyAreKnownToCostLittle()
    {
        // Of 16 images 15 say that 4 bits cost less at step 0 than at step 1, and one says the opposite: what is not known is not low.
        double[][] four = [[.. Enumerable.Range(0, 16).Select(i => i == 7 ? 3.0 : 0.1)], [.. Enumerable.Repeat(0.4, 16)], [.. Enumerable.Repeat(0.9, 16)]];
        double[] gains = [.. four.Select(costs => Bootstrap.Estimate(16, images => images.Average(i => costs[i])).High)];
        Assert.True(four[0].Average() < four[1].Average());
        Assert.Equal([8, 4, 8], BitAllocation.Budget(gains, 2));
        // Where nothing is known, that is the preset.
        Assert.Equal(BitAllocation.Preset(8), BitAllocation.Budget([.. Enumerable.Repeat(double.PositiveInfinity, 8)], 6));
    }

    [Fact]
    public void TheCapOnBitOperationsDecidesHowManyStepsGetEightBits()
    {
        LayerCost[] layers = [new("a", 1000, 4, 0), new("b", 100, 8, 8)];
        double full = 1100 * 1024.0, at4 = LayerCost.BitOperations(layers, 4), at8 = LayerCost.BitOperations(layers, 8);
        for (int low = 0; low <= 20; low++)
        {
            double saved = LayerCost.Saved(layers, BitAllocation.Preset(20, low / 20.0));
            Assert.Equal(20 - low, BitAllocation.EightBitSteps(full, at4, at8, 20, saved));
        }

        Assert.Contains("out of reach", Assert.Throws<ArgumentException>(() => BitAllocation.EightBitSteps(full, at4, at8, 20, 70)).Message);
    }

    [SharedTheory("architectures/ldm-cin256-v2.unet.txt")]
    [InlineData(20, 5, 36.6, 34.6, 14.5)]
    [InlineData(250, 48, 35.4, 33.6, 14.3)]
    [InlineData(20, 0, 32.0, 30.7, 13.8)]
    public void LatentDiffusionSavesMoreThanTheHeadlineWhenAttentionIsQuantized(int steps, int low, double layersOnly, double eightBits, double float32)
    {
        string[] shapes = File.ReadAllLines(Path.Combine(SharedData.Root, "architectures", "ldm-cin256-v2.unet.txt"));
        int[] bits = BitAllocation.Preset(steps, (double)low / steps);
        double layers = Saved(AttentionCounting.LayersOnly), eight = Saved(AttentionCounting.EightBits), full = Saved(AttentionCounting.Float32);
        Assert.True(layers >= 19.9 && eight >= 19.9, $"{layers}, {eight}");
        Assert.True(full < 19.9, $"{full}: attention products left in FP32 cost more than everything else.");
        // The table of docs/method.md.
        Assert.Equal([layersOnly, eightBits, float32], [Math.Round(layers, 1), Math.Round(eight, 1), Math.Round(full, 1)]);

        // The published 21.61 and 21.21 follow when 1.95 % of the multiply-accumulates stay in FP32.
        LayerCost[] published = [new("quantized", 9805, 4, 0), new("FP32", 195, 32, 32)];
        Assert.Equal(low == 0 ? 19.96 : steps == 20 ? 21.61 : 21.21, LayerCost.Saved(published, bits), 0.05);

        double Saved(AttentionCounting attention) => LayerCost.Saved(LatentDiffusionCost.Layers(shapes, 64, 4, attention), bits);
    }

    [SharedFact("architectures/ldm-cin256-v2.unet.txt")]
    public void LatentDiffusionHasItsKnownSize()
    {
        string[] shapes = File.ReadAllLines(Path.Combine(SharedData.Root, "architectures", "ldm-cin256-v2.unet.txt"));
        long macs = LatentDiffusionCost.Layers(shapes, 64, 4, AttentionCounting.Float32).Sum(l => l.MultiplyAccumulates);
        Assert.InRange(macs, 104_000_000_000, 104_400_000_000);
    }
}
