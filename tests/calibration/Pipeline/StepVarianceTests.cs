using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

public class StepVarianceTests
{
    [Theory]
    [InlineData(1, -1)]  // σ' makes room for what there is.
    [InlineData(0, 0)]   // It makes room for nothing, so nothing changes.
    [InlineData(2, 1)]   // For four times as much: worse than before.
    public void SigmaIsJudgedByTheVarianceOfTheStep(double overstated, int expected)
    {
        const double lambda = 0.4, noise = 0.5, sigma = 0.7;
        var random = new Gaussian(4);
        var plan = new CorrectionPlan(MeanCorrectionKind.Off, true, true);
        float[] epsilon = random.Values(20_000);
        StepDecision[] steps = [.. ((double[])[sigma, sigma / 2, 0]).Select(s => new StepDecision(
            new(0f, 1, new([new LinearStatement(Register.State, new([new(Register.State, 1), new(Register.Prediction, lambda), new(Register.Noise, s)]))])), 8, [], JointMoments.Of(epsilon, [.. epsilon.Select(e => e + (float)(noise * random.Next()))], 2), overstated * lambda))];
        var variance = new StepVariance(steps, plan, false, 2);
        for (int image = 0; image < 30; image++)
        {
            float[] reference = random.Values(2000);
            for (int step = 0; step < 2; step++) variance.Add(step, JointMoments.Of(reference, [.. reference.Select(e => e + (float)(lambda * noise * random.Next()))], 2));
        }

        Interval change = variance.Change(1);
        Assert.Equal(expected, change.High < 0 ? -1 : change.Low > 0 ? 1 : 0);
        int[] all = [.. Enumerable.Range(0, 30)];
        // Without calibration the noise comes on top of the sampler's own and that of the mean, which is 1.
        double added = lambda * lambda * noise * noise;
        Assert.Equal((added / (1 + sigma * sigma) + added / (1 + sigma * sigma / 4)) / 2, variance.Distance(all, calibrated: false), 0.01);
        if (overstated == 1) Assert.Equal(0, variance.Distance(all, calibrated: true), 0.01);
    }
}
