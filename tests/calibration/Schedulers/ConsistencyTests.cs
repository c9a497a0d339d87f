using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>Distilled models jump along whole trajectories, so that their schedulers have no order: with a network that knows the trajectories of Gaussian data, every level has its variance after
/// any number of steps.</summary>
public class ConsistencyTests
{
    private const double Tolerance = 2e-5;

    /// <summary>The consistency function y(x) = x·s/deviation of x, out of which LCM's scalings c_out·x₀ + c_skip·x are taken.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(25)]
    public void LcmKeepsEveryLevelsVariance(int steps)
    {
        (SolverProgram program, TrainingNoise noise, double[] ratios) = Read("LCMScheduler", steps, null);
        GaussianRun run = null!;
        run = new(program, noise, ratios, (i, x) =>
        {
            double t = 10 * program.Evaluations[i].Timestep.Value, sum = t * t + 0.25, y = x * GaussianRun.Deviation / run.Marginal(ratios[i]);
            double original = (y - 0.25 / sum * x) / (t / Math.Sqrt(sum));
            NoiseLevel level = NoiseLevel.OfRatio(ratios[i]);
            return (x - level.Alpha * original) / level.Sigma;
        });
        for (int i = 1; i < steps; i++) Assert.InRange(run.VarianceError(i, ratios[i]), 0, Tolerance);
        // The last y is the picture.
        Assert.InRange(run.VarianceError(steps, 0), 0, Tolerance);
    }

    /// <summary>TCD's jumps end at s = ⌊(1 − γ)·t′⌋ and are noised from there to t′.</summary>
    [Theory]
    [InlineData(1, 0.3)]
    [InlineData(4, 0.3)]
    [InlineData(25, 0.3)]
    [InlineData(8, 1)]
    public void TcdKeepsEveryLevelsVariance(int steps, double gamma)
    {
        (SolverProgram program, TrainingNoise noise, double[] ratios) = Read("TCDScheduler", steps, gamma);
        GaussianRun run = null!;
        run = new(program, noise, ratios, (i, x) =>
        {
            int end = i == steps - 1 ? 0 : (int)MathF.Floor((float)(1 - gamma) * (float)program.Evaluations[i + 1].Timestep.Value);
            double ratio = noise.RatioAt(end), there = x * run.Marginal(ratio) / run.Marginal(ratios[i]);
            (NoiseLevel from, NoiseLevel to) = (NoiseLevel.OfRatio(ratios[i]), NoiseLevel.OfRatio(ratio));
            return (there - to.Alpha * x / from.Alpha) / (to.Sigma - to.Alpha * from.Sigma / from.Alpha);
        });
        for (int i = 1; i < steps; i++) Assert.InRange(run.VarianceError(i, ratios[i]), 0, Tolerance);
        Assert.InRange(run.VarianceError(steps, noise.RatioAt(0)), 0, Tolerance);
    }

    private static (SolverProgram Program, TrainingNoise Noise, double[] Ratios) Read(string className, int steps, double? eta)
    {
        SolverProgram program = SchedulerFile.Program(className, "{}", steps, new(eta));
        TrainingNoise noise = SchedulerFile.Read("{}", c => TrainingNoise.Read(c, 0.00085, 0.012, "scaled_linear"));
        return (program, noise, [.. program.Evaluations.Select(e => noise.RatioAt(e.Timestep))]);
    }
}
