using Specializer.Manifest;
namespace Specializer.Calibration.Tests;

/// <summary>One calibrated DDIM(η) step, in the parts that a mistake can enter. The base class is the library's way.</summary>
internal class CalibratedStep(double alphaBar, double previous, double eta)
{
    public double Sigma { get; } = eta * Math.Sqrt((1 - previous) / (1 - alphaBar) * (1 - alphaBar / previous));

    public virtual (double Gain, double[] Offset) Correct(NoiseFit fit)
    {
        MeanCorrection correction = MeanCorrection.Of(MeanCorrectionKind.Divide, fit, clampK: false);
        return (correction.Gain, correction.Offset);
    }

    public double CalibratedSigma(NoiseFit fit)
    {
        double lambda = Lambda(Sigma);
        MeanCorrection correction = MeanCorrection.Of(MeanCorrectionKind.Divide, fit, clampK: false);
        return VarianceCorrection.Of(Sigma, lambda * lambda * correction.RemainingVariance).CalibratedSigma;
    }

    /// <summary>σ in the coefficient √(1 − ᾱ_prev − σ²).</summary>
    public virtual double DirectionSigma(double calibrated) => Sigma;

    public double Lambda(double directionSigma) => Math.Sqrt(1 - previous - directionSigma * directionSigma) - Math.Sqrt(previous * (1 - alphaBar) / alphaBar);

    public double Next(double x, double prediction, double directionSigma, double sigma, double noise) =>
        Math.Sqrt(previous / alphaBar) * x + Lambda(directionSigma) * prediction + sigma * noise;
}

/// <summary>The first mistake of the published code: the bias is the mean of raw Δ, so that dividing by 1 + k corrects k·E[ε] twice.</summary>
internal sealed class RawBias(double alphaBar, double previous, double eta) : CalibratedStep(alphaBar, previous, eta)
{
    public override (double Gain, double[] Offset) Correct(NoiseFit fit) => (1 / (1 + fit.K), Array.ConvertAll(fit.NoiseMeans, d => -d / (1 + fit.K)));
}

/// <summary>The second mistake: the calibrated σ in the direction term, which shifts the mean.</summary>
internal sealed class CalibratedDirection(double alphaBar, double previous, double eta) : CalibratedStep(alphaBar, previous, eta)
{
    public override double DirectionSigma(double calibrated) => calibrated;
}

public class CorrectionTests
{
    private const double AlphaBar = 0.3, Previous = 0.4;
    private static readonly double[] Means = [0.9, -0.5, 0.2], Bias = [0.04, -0.06, 0.01];
    private static readonly NoiseFit Known = Fit(0.12, 0.3);

    [Theory]
    [InlineData(0.12, 0.3)]
    [InlineData(-0.2, 0.2)]
    [InlineData(0, 0.1)]
    public void TheCorrectedStepHasTheMeanAndVarianceOfTheFullPrecisionStep(double k, double noise)
    {
        var (mean, variance) = Compare(new CalibratedStep(AlphaBar, Previous, 1), k, noise);
        Assert.True(mean < 5, $"means differ by {mean} standard errors");
        Assert.True(variance < 5, $"variances differ by {variance} standard errors");
    }

    [Fact]
    public void TheOfficialCodesMistakesFailThatCheck()
    {
        Assert.True(Compare(new RawBias(AlphaBar, Previous, 1), 0.12, 0.3).Mean > 20);
        Assert.True(Compare(new CalibratedDirection(AlphaBar, Previous, 1), 0.12, 0.3).Mean > 20);
    }

    [Fact]
    public void DivideIsTheClosedForm()
    {
        MeanCorrection c = MeanCorrection.Of(MeanCorrectionKind.Divide, Known, clampK: false);
        Assert.Equal(1 / 1.12, c.Gain, 1e-12);
        for (int i = 0; i < 3; i++) Assert.Equal(-Bias[i] / 1.12, c.Offset[i], 1e-12);
        Assert.Equal(0.09 / (1.12 * 1.12), c.RemainingVariance, 1e-12);
        Assert.Equal(MeanFallback.None, c.Fallback);
    }

    [Fact]
    public void AClampedNegativeKLeavesTheSignalAndRemovesTheWholeMean()
    {
        NoiseFit fit = Fit(-0.2, 0.3);
        MeanCorrection c = MeanCorrection.Of(MeanCorrectionKind.Divide, fit, clampK: true);
        Assert.Equal(1, c.Gain);
        for (int i = 0; i < 3; i++) Assert.Equal(-fit.NoiseMeans[i], c.Offset[i], 1e-12);
        Assert.Equal(fit.NoiseVariance, c.RemainingVariance, 1e-12);
    }

    [Fact]
    public void MmseIsTheBestAffineMap()
    {
        NoiseFit fit = Fit(0.12, 0.6);
        MeanCorrection best = MeanCorrection.Of(MeanCorrectionKind.Mmse, fit, clampK: false);
        double least = Error(best.Gain, best.Offset);
        foreach (double gain in (double[])[best.Gain * 0.98, best.Gain * 1.02, 1, 1 / 1.12])
        {
            double[] offset = [.. Means.Zip(fit.NoiseMeans, (m, d) => m - gain * (m + d))]; // The best offsets for that gain.
            Assert.True(least < Error(gain, offset));
        }

        // Expected squared error of Gain·ε̂ + Offset − ε, averaged over channels.
        double Error(double gain, double[] offset) =>
            (gain * 1.12 - 1) * (gain * 1.12 - 1) + gain * gain * 0.36
            + Means.Zip(Bias, (m, b) => gain * (1.12 * m + b) - m).Zip(offset, (e, o) => (e + o) * (e + o)).Average();
    }

    [Fact]
    public void KNearMinusOneFallsBackWithAReason()
    {
        MeanCorrection c = MeanCorrection.Of(MeanCorrectionKind.Divide, Fit(-0.9, 0.1), clampK: false);
        Assert.Equal((1, 0), (c.Gain, c.Offset[0]));
        Assert.Equal(MeanFallback.DivisorNearZero, c.Fallback);
        Assert.Equal(MeanFallback.ConstantPrediction, MeanCorrection.Of(MeanCorrectionKind.Mmse, new(0, 0, 0, 0, [1], [0]), false).Fallback);
    }

    [Theory]
    [InlineData(0.5, 0.09, 0.4, 0.09, 0)]
    [InlineData(0.2, 0.09, 0, 0.04, 0.05)]
    [InlineData(0, 0.09, 0, 0, 0.09)]
    public void VarianceThatDoesNotFitIsReportedAsUnabsorbed(double sigma, double added, double calibrated, double absorbed, double unabsorbed)
    {
        VarianceCorrection v = VarianceCorrection.Of(sigma, added);
        Assert.Equal(calibrated, v.CalibratedSigma, 1e-12);
        Assert.Equal(absorbed, v.Absorbed, 1e-12);
        Assert.Equal(unabsorbed, v.Unabsorbed, 1e-12);
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(1)]
    [InlineData(0.3)]
    public void ClippedStepsAbsorbWhatTheyMeasure(double clip)
    {
        // A DDPM step: whatever is clipped, the corrected step must have the variance of the full-precision one.
        SolverProgram c = Ddpm(AlphaBar, Previous, clip);
        double sigma = Math.Sqrt((1 - Previous) / (1 - AlphaBar) * (1 - AlphaBar / Previous)), lambda = c.Evaluations[0].Lambda();
        var random = new Gaussian(8);
        const int count = 200_000;
        var (x, epsilon, corrected) = (new float[count], new float[count], new float[count]);
        for (int i = 0; i < count; i++)
        {
            epsilon[i] = (float)random.Next();
            x[i] = (float)(Math.Sqrt(AlphaBar) * 0.8 * random.Next() + Math.Sqrt(1 - AlphaBar) * epsilon[i]);
            corrected[i] = (float)(epsilon[i] + 0.3 * random.Next());
        }

        double added = StepMean.AddedVariance(Moments(x, epsilon, corrected, c));
        if (clip == 1000) Assert.Equal(lambda * lambda * 0.09, added, 0.1 * added);
        else Assert.True(added < 0.8 * lambda * lambda * 0.09, $"{added}");
        double calibrated = VarianceCorrection.Of(sigma, added).CalibratedSigma, full = 0, ours = 0;
        float[] means = Mean(x, epsilon, c), quantized = Mean(x, corrected, c);
        for (int i = 0; i < count; i++)
        {
            double noise = random.Next(), m = means[i], q = quantized[i];
            full += Math.Pow(m + sigma * noise, 2) / count;
            ours += Math.Pow(q + calibrated * noise, 2) / count;
        }

        Assert.Equal(full, ours, 0.02 * full);
    }

    /// <summary>A Gaussian state with ε that depends on it and a negative k, as 4 bits have it: variance is missing, and σ' exceeds σ.</summary>
    [Fact]
    public void MissingVarianceIsMadeUpFor()
    {
        const double k = -0.1, residual = 0.05, along = 0.6;
        SolverProgram c = Ddpm(AlphaBar, Previous, null);
        double sigma = Math.Sqrt((1 - Previous) / (1 - AlphaBar) * (1 - AlphaBar / Previous));
        double b = c.Evaluations[0].Lambda(), a = Mean([1], [0], c)[0];
        var random = new Gaussian(12);
        const int count = 400_000;
        var (x, epsilon, quantized) = (new float[count], new float[count], new float[count]);
        for (int i = 0; i < count; i++)
        {
            x[i] = (float)random.Next();
            epsilon[i] = (float)(along * x[i] + Math.Sqrt(1 - along * along) * random.Next());
            quantized[i] = (float)((1 + k) * epsilon[i] + residual * random.Next());
        }

        // Var(x) = Var(ε) = 1, Cov(x, ε) = along; the linear term is 2B·k(A·Cov(x, ε) + B·Var(ε)).
        double expected = b * b * (k * k + residual * residual) + 2 * b * k * (a * along + b);
        JointMoments moments = Moments(x, epsilon, quantized, c);
        double added = StepMean.AddedVariance(moments);
        Assert.Equal(expected, added, 0.03 * Math.Abs(expected));
        Assert.Equal(b * b * (k * k + residual * residual), StepMean.ErrorVariance(moments), 0.02 * expected * Math.Sign(expected));
        VarianceCorrection ours = VarianceCorrection.Of(sigma, added), paper = VarianceCorrection.Of(sigma, StepMean.ErrorVariance(moments));
        Assert.Equal(Math.Sign(expected) < 0, ours.CalibratedSigma > sigma);
        Assert.True(paper.CalibratedSigma < sigma);
        double full = Variance(epsilon, sigma);
        Assert.Equal(full, Variance(quantized, ours.CalibratedSigma), 0.003 * full);
        Assert.True(Math.Abs(Variance(quantized, paper.CalibratedSigma) - full) > 0.01 * full);

        double Variance(float[] prediction, double injected)
        {
            double[] next = [.. Mean(x, prediction, c).Select(m => (double)m)];
            double mean = next.Average();
            return next.Average(value => (value - mean) * (value - mean)) + injected * injected;
        }
    }

    /// <summary>A step of DDPM.</summary>
    private static SolverProgram Ddpm(double alphaBar, double previous, double? clip)
    {
        double a = alphaBar / previous;
        var program = new ProgramBuilder(new Bounding(clip));
        program.Begin(1);
        program.Evaluate(0);
        program.Bound(new Term(Register.State, 1 / Math.Sqrt(alphaBar)), new(Register.Prediction, -Math.Sqrt((1 - alphaBar) / alphaBar)));
        program.Set(Register.State, new Term(Register.State, Math.Sqrt(a) * (1 - previous) / (1 - alphaBar)), new(Register.Original, Math.Sqrt(previous) * (1 - a) / (1 - alphaBar)));
        return program.Build();
    }

    private static JointMoments Moments(float[] x, float[] epsilon, float[] corrected, SolverProgram program) =>
        Assert.Single(new StepMean(1).Moments(new(0, 0, 1, At(x, program), x, epsilon, [], epsilon, []), _ => corrected));

    private static float[] Mean(float[] x, float[] prediction, SolverProgram program)
    {
        ProgramInterpreter solver = At(x, program);
        solver.Advance(0, prediction);
        return solver.State.ToArray();
    }

    private static ProgramInterpreter At(float[] x, SolverProgram program)
    {
        var solver = new ProgramInterpreter(program, 1, x.Length, ProgramInterpreter.None);
        x.CopyTo(solver.State);
        return solver;
    }

    /// <summary>The exact moments of ε ~ N(Means, 1), ε̂ = (1 + k)ε + Bias + noise.</summary>
    private static NoiseFit Fit(double k, double noise) =>
        new(k, 1, k, k * k + noise * noise, Means, [.. Means.Zip(Bias, (m, b) => k * m + b)]);

    /// <summary>Steps synthetic states with full precision and with the calibrated prediction; returns the largest difference of the
    /// channels' means and variances, in standard errors.</summary>
    private static (double Mean, double Variance) Compare(CalibratedStep step, double k, double noise)
    {
        const int count = 150_000;
        var random = new Gaussian(11);
        int channels = Means.Length;
        var (epsilon, quantized, x) = (new float[count * channels], new float[count * channels], new double[count * channels]);
        for (int i = 0; i < x.Length; i++)
        {
            double e = Means[i % channels] + random.Next();
            epsilon[i] = (float)e;
            quantized[i] = (float)((1 + k) * e + Bias[i % channels] + noise * random.Next());
            x[i] = Math.Sqrt(AlphaBar) * random.Next() + Math.Sqrt(1 - AlphaBar) * e;
        }

        NoiseFit fit = NoiseFit.Of(JointMoments.Of(epsilon, quantized, channels));
        Assert.Equal(k, fit.K, 0.01);
        var (gain, offset) = step.Correct(fit);
        double calibrated = step.CalibratedSigma(fit), direction = step.DirectionSigma(calibrated);
        var (full, ours) = (new List<double>[channels], new List<double>[channels]);
        for (int c = 0; c < channels; c++) (full[c], ours[c]) = ([], []);
        for (int i = 0; i < x.Length; i++)
        {
            double shared = random.Next();
            full[i % channels].Add(step.Next(x[i], epsilon[i], step.Sigma, step.Sigma, shared));
            ours[i % channels].Add(step.Next(x[i], gain * quantized[i] + offset[i % channels], direction, calibrated, shared));
        }

        double meanError = 0, varianceError = 0;
        for (int c = 0; c < channels; c++)
        {
            double m1 = full[c].Average(), m2 = ours[c].Average(), v1 = full[c].Average(v => (v - m1) * (v - m1)), v2 = ours[c].Average(v => (v - m2) * (v - m2));
            // Both steps start from the same state and noise: the means are compared in pairs, and for the variances independent standard errors are generous.
            double[] difference = [.. full[c].Zip(ours[c], (f, o) => f - o)];
            double spread = Math.Sqrt(difference.Average(d => (d - m1 + m2) * (d - m1 + m2)));
            meanError = Math.Max(meanError, Math.Abs(m1 - m2) / (spread / Math.Sqrt(count)));
            varianceError = Math.Max(varianceError, Math.Abs(v1 - v2) / Math.Sqrt(4 * v1 * v1 / count));
        }

        return (meanError, varianceError);
    }
}
