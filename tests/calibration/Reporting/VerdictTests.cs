namespace Specializer.Calibration.Tests;

public class VerdictTests
{
    private const int Images = 40, Elements = 64;
    private readonly float[] _reference = new Gaussian(1).Values(Images * Elements);
    private readonly float[] _noise = new Gaussian(2).Values(Images * Elements);

    [Theory]
    [InlineData(Criterion.PairedSnr, 1, 0, 0.2, 1, 0, 0.1)] // less noise
    [InlineData(Criterion.Correlation, 0.9, 0, 0.05, 0.99, 0, 0.05)] // shrinks less
    [InlineData(Criterion.Bias, 1, 0.2, 0.05, 1, 0.05, 0.05)]
    [InlineData(Criterion.Variance, 1, 0, 0.3, 1, 0, 0.1)]
    [InlineData(Criterion.SquaredError, 1, 0, 0.2, 1, 0, 0.1)]
    [InlineData(Criterion.CoarseFrechet, 1, 0.3, 0.1, 1, 0.1, 0.1)]
    public void What_gets_better_is_said_to_improve_and_the_way_back_to_worsen(Criterion criterion, float gain, float bias, float noise, float betterGain, float betterBias, float betterNoise)
    {
        ImageMoments worse = Draw(gain, bias, noise), better = Draw(betterGain, betterBias, betterNoise);
        Verdict forth = Verdict.Of("part", "row", criterion, worse, better), back = Verdict.Of("part", "row", criterion, better, worse);
        Assert.Equal(Outcome.Improves, forth.Outcome);
        Assert.Equal(Outcome.Worsens, back.Outcome);
        Assert.Equal(forth.Difference.Value, -back.Difference.Value, 1e-9);
        Assert.InRange(forth.Difference.Value, forth.Difference.Low, forth.Difference.High);
        Assert.True(forth.SnrDifference.Low > 0 || criterion == Criterion.Correlation);
    }

    [Fact]
    public void Equal_noise_is_no_difference_and_equal_images_are_none_at_all()
    {
        float[] other = new Gaussian(3).Values(Images * Elements);
        ImageMoments first = Draw(1, 0, 0.1f), second = Draw(1, 0, 0.1f, other);
        Assert.Equal(Outcome.WithinInterval, Verdict.Of("part", "row", Criterion.PairedSnr, first, second).Outcome);
        Assert.Equal(Outcome.Identical, Verdict.Of("part", "row", Criterion.PairedSnr, first, Draw(1, 0, 0.1f)).Outcome);
    }

    [Fact]
    public void Images_without_any_error_do_not_break_the_difference()
    {
        Verdict verdict = Verdict.Of("part", "row", Criterion.PairedSnr, Draw(1, 0, 0.1f), Draw(1, 0, 0));
        Assert.Equal(Outcome.Improves, verdict.Outcome);
        Assert.Equal(double.PositiveInfinity, verdict.Difference.Value);
    }

    private ImageMoments Draw(float gain, float bias, float noise, float[]? from = null) =>
        ImageMomentsTests.Moments(Images, _reference, [.. _reference.Select((r, i) => gain * r + bias + noise * (from ?? _noise)[i])], channels: 1);
}
