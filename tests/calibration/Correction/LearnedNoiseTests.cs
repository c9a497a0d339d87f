using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>c, where the network says the variance of the noise.</summary>
public class LearnedNoiseTests
{
    private const int Count = 200_000;

    private static readonly RootSigmaStatement s_root = new(Register.Noise);

    /// <summary>s(v̂) even in [1, 2]: above the floor c is the difference of the means, whatever else is spread.</summary>
    [Theory]
    [InlineData(1.25, 0.25)]
    [InlineData(1.5, 0)]
    [InlineData(2, -0.5)]
    public void Above_the_floor_it_is_the_variance_that_is_too_much(double left, double removed)
    {
        LearnedNoise noise = Of(i => 1 + Even(i));
        Assert.Equal(removed, noise.Removed(left), 1e-5);
        Assert.Equal(left, noise.Left(removed), 1e-5);
    }

    /// <summary>s(v̂) even in [0, 1]: E[max(s − c, 0)] = (1 − c)²/2.</summary>
    [Theory]
    [InlineData(0.125, 0.5)]
    [InlineData(0.005, 0.9)]
    [InlineData(0.405, 0.1)]
    [InlineData(0, 1)]
    [InlineData(-0.25, 1)]
    [InlineData(-3, 3.5)]
    public void Where_the_floor_is_reached_it_is_the_root(double left, double removed)
    {
        LearnedNoise noise = Of(Even);
        // Below the middle of the uppermost bin, a 256th, nothing is told apart.
        Assert.Equal(removed, noise.Removed(left), left > 0 ? 1e-4 : 0.002);
        Assert.Equal(Math.Max(left, 0), noise.Left(removed), 1e-4);
        Assert.Equal(Math.Max(left, 0), noise.Left(noise.Removed(left)), 1e-5);
    }

    [Fact]
    public void What_is_less_than_nothing_counts_as_nothing()
    {
        var noise = new LearnedNoise();
        noise.Add(s_root, [0.5f, 0.25f], [-0.125f, 1]);
        Assert.Equal((0.375, 0.5), (noise.Reference, noise.Said));
        Assert.Equal(0.25, noise.Removed(noise.Reference));
        Assert.Equal(0.375, noise.Left(0.25));
    }

    [Fact]
    public void A_variance_that_does_not_vary_becomes_that_of_a_fixed_one()
    {
        // exp(2·(0.5·v − 1)) = 1/e for v = 1: σ'² = σ² − added, with nothing left where more is added.
        var constant = new LearnedNoise();
        constant.Add(new ExponentialSigmaStatement(Register.Noise, 0.5, -1), [1, 1], [1, 1]);
        Assert.Equal(Math.Exp(-1), constant.Reference, 1e-6);
        Assert.Equal(constant.Reference, constant.Said);
        foreach (double added in (double[])[0.1, -0.1])
        {
            double sigma = VarianceCorrection.Of(Math.Sqrt(constant.Said), added).CalibratedSigma;
            Assert.Equal(added, constant.Removed(constant.Reference - added), 1e-6);
            Assert.Equal(sigma * sigma, constant.Left(added), 1e-6);
        }

        Assert.Equal(0, constant.Left(constant.Removed(constant.Reference - 1)), 1e-6);
    }

    /// <summary>A Gaussian state, M = 0.8·x and M̂ = M + 0.3·n, s even in [0, 0.4], s(v̂) ten percent more: the next state has FP32's variance, 0.64 + 0.2, though many elements lose all of their noise.</summary>
    [Theory]
    [InlineData(0.3)]
    [InlineData(-0.3)]
    public void The_next_state_has_the_variance_of_FP32s(double error)
    {
        var random = new Gaussian(3);
        var (x, m, v) = (new float[Count], new float[Count], new float[Count]);
        for (int i = 0; i < Count; i++)
        {
            x[i] = (float)random.Next();
            // Independent of M where it adds variance, along it where it takes some away.
            m[i] = (float)(error > 0 ? error * random.Next() : error * x[i] / 3);
            v[i] = (float)(0.4 * Even(i));
        }

        float[] said = [.. v.Select(s => 1.1f * s)];
        var evaluation = new Evaluation(0, 1, new([new DrawStatement(Register.Noise, 0), s_root,
            new LinearStatement(Register.State, new([new(Register.Prediction, 1), new(Register.State, 0.8), new(Register.Noise, 1)]))]));
        double full = Variance(evaluation, [], v);
        Assert.Equal(0.64 + 0.2, full, 0.01);
        var noise = new LearnedNoise();
        noise.Add(s_root, v, said);
        double added = StepMean.AddedVariance(JointMoments.Of([.. x.Select(value => 0.8f * value)], [.. x.Zip(m, (value, e) => 0.8f * value + e)], 1));
        double c = noise.Removed(noise.Reference - added);
        Assert.Equal(error > 0, c > 0);
        Assert.True(Math.Abs(Variance(evaluation, m, said) - full) > 0.05 * full);
        Assert.Equal(full, Variance(evaluation.WithRemoved(c), m, said), 0.006 * full);

        double Variance(Evaluation step, float[] prediction, float[] variance)
        {
            var solver = new ProgramInterpreter(new(new([new DrawStatement(Register.Noise, -1)]), new([step]), default), 1, Count, ProgramInterpreter.Seeded(7));
            x.CopyTo(solver.State);
            solver.Advance(0, prediction.Length == 0 ? new float[Count] : prediction, variance);
            double mean = 0, square = 0;
            foreach (float value in solver.State) (mean, square) = (mean + value / (double)Count, square + value * (double)value / Count);
            return square - mean * mean;
        }
    }

    private static double Even(int i) => (i + 0.5) / Count;

    private static LearnedNoise Of(Func<int, double> said)
    {
        float[] values = [.. Enumerable.Range(0, Count).Select(i => (float)said(i))];
        var noise = new LearnedNoise();
        noise.Add(s_root, values, values);
        Assert.Equal(values.Average(v => (double)v), noise.Said, 1e-6);
        return noise;
    }
}
