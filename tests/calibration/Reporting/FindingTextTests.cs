namespace Specializer.Calibration.Tests;

public class FindingTextTests
{
    [Fact]
    public void Every_kind_of_finding_has_words()
    {
        var interval = new Interval(-0.5, -1, -0.25);
        Finding[] all =
        [
            new TooFewTrajectories(3, 8), new BudgetAllocated([0, 1], 16), new BudgetAgainstPreset(interval, 64, true), new MeanCorrectionTried(MeanCorrectionKind.Divide, true, interval, 32),
            new MeanCorrectionDecided(MeanCorrectionKind.Mmse, true, interval, 32, true), new MeanLeftAlone(1, 980, 2, -0.9, MeanFallback.DivisorNearZero), new NoVarianceToCorrect(), new VarianceAdded(1, 2, 3),
            new VarianceCorrectionDecided(interval, interval, 1, 2, 64, true), new VarianceNotAbsorbed([20, 0]), new PredictionNoise(10, 30, -0.1, -0.01, 0.4), new UnusualRange("map", RangeTrouble.Saturates, 1, 2),
            new NeverSaturating(1, 2), new ColumnsLimited(3, 9, 27_648), new LayersRanked([new("conv", 0.1, 100)]), new LayerCountsTried([new(2, 5, -30.25), new(1, 4, -31.5)], 32), new NoLayerAffordable(), new LayersDecided(["conv"], 5, 4, 29.71, 29.3, interval, 32, true), new RoundingDecided(interval, 64, true), new ClippingDecided(interval, 64, true), new FirstConvolutionDecided(["conv"], 30.27, 31.33, interval, 64, true),
            new PartQuantized("decoder", 3, 9, 40.2, 46.1, 45, 1000, 4.5, 2000), new PromptsCut(["a long one"], 75),
            new WithKeptLayers(new NoVarianceToCorrect()), new WithScheduler("ddim", new NoVarianceToCorrect()), new CheckpointSetAside("a.checkpoint", "it ends early"), new CheckpointNotDeleted("a.checkpoint", "it is in use"),
            new KeptInFloatingPoint("conv", 2.5), new LayersOfZeros(["conv"]), new ConstantChannels("map", 1, 8), new PredictionLost([3], -0.9),
        ];
        Assert.All(all, f => Assert.Matches("^[^A-Z.][^\r\n]{20,}[^.]$", FindingText.Sentence(f)));
        Assert.Equal(typeof(Finding).Assembly.GetExportedTypes().Where(t => t.IsSubclassOf(typeof(Finding))).Select(t => t.Name).Order(StringComparer.Ordinal), all.Select(f => f.GetType().Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Words_say_what_was_measured_and_what_follows()
    {
        Assert.Equal("mean correction divide, k with its sign, the best of them: the final images' squared error changes by −0.50 dB [−1.00, 0.25] on 32 held-out trajectories that did not choose it; not lower beyond the interval, so none is applied",
            FindingText.Sentence(new MeanCorrectionDecided(MeanCorrectionKind.Divide, false, new(-0.5, -1, 0.25), 32, false)));
        Assert.Contains("changes by −0.50 dB [too few for an interval] on 4 held-out", FindingText.Sentence(new MeanCorrectionTried(MeanCorrectionKind.Divide, true, Interval.Unknown(-0.5), 4)));
        Assert.StartsWith("step 3, timestep 940, guidance 2.5: k is -0.9, so dividing by 1 + k", FindingText.Sentence(new MeanLeftAlone(3, 940, 2.5, -0.9, MeanFallback.DivisorNearZero)));
        Assert.StartsWith("decoder: FP32, for 8 bits would change the pictures (40.2 dB", FindingText.Sentence(new PartQuantized("decoder", 0, 9, 40.2, double.PositiveInfinity, 45, 1000, 1, 2000)));
        var part = new PartQuantized("decoder", 4, 9, 40.2, 46.1, 45, 1000, 1, 2000) { Halves = 5 };
        Assert.EndsWith(", 5 of its tensors in FP16, which has all their numbers", FindingText.Sentence(part));
        Assert.EndsWith(", 5 of its tensors in FP16, 2 of them rounded", FindingText.Sentence(part with { Rounded = 2 }));
        Assert.StartsWith("decoder: no integers, for", FindingText.Sentence(part with { Integers = 0, Rounded = 5 }));
        Assert.Equal("the first convolution (conv_in) in floating point, 30.27 against 31.33 times fewer bit operations: the final images' squared error changes by −0.50 dB [−1.00, 0.25] on 64 held-out trajectories; not kept, for it is not better beyond the interval",
            FindingText.Sentence(new FirstConvolutionDecided(["conv_in"], 30.271, 31.329, new(-0.5, -1, 0.25), 64, false)));
        Assert.Equal("ranges that clip less, the error of what they clip counted 8 times: the final images' squared error changes by −0.50 dB [−1.00, −0.25] on 64 held-out trajectories; kept",
            FindingText.Sentence(new ClippingDecided(new(-0.5, -1, -0.25), 64, true)));
        Assert.DoesNotContain("published", FindingText.Sentence(new PredictionNoise(10, 30, -0.1, 0.01, 0.4)));
    }
}
