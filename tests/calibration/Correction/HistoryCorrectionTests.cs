using System.Runtime.InteropServices;
using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>Solvers that keep former predictions: their errors reach the state through the history as well, and corrections enter before it.</summary>
public class HistoryCorrectionTests
{
    private const int Count = 100_000;

    /// <summary>Two steps of a solver of the second order on FP32 states; errors of both predictions are correlated, and partly follow the predictions.</summary>
    [Theory]
    [InlineData("sde-dpmsolver++")]
    [InlineData("dpmsolver++")]
    public void The_error_of_the_next_state_includes_that_of_the_former_prediction_and_their_covariance(string algorithm)
    {
        var run = new TwoSteps(algorithm);

        double expected = Variance(run.Next(run.Quantized0, run.Quantized1)) - Variance(run.Next(run.Reference0, run.Reference1));
        Assert.Equal(expected, StepMean.AddedVariance(run.Moments), 1e-3 * Math.Abs(expected));

        // Of normal errors a variance lies within 4·√(2/n) of what it is.
        var (now, before) = run.Factors;
        const double own = TwoSteps.Deviation * TwoSteps.Deviation;
        double error = own * (now * now + before * before + 2 * TwoSteps.Correlation * now * before);
        Assert.Equal(error, StepMean.ErrorVariance(run.ErrorsAlone), 4 * Math.Sqrt(2.0 / Count) * error);
        Assert.True(error < 0.5 * own * (now * now + before * before), "the covariance takes most of it away");

        // Without the first step the history is FP32's, and another variance comes out: no step can be left out.
        double fresh = Variance(run.Next(run.Reference0, run.Quantized1)) - Variance(run.Next(run.Reference0, run.Reference1));
        Assert.Equal(fresh, StepMean.AddedVariance(run.WithoutHistory), 1e-3 * Math.Abs(fresh));
        Assert.True(Math.Abs(fresh - expected) > 0.25 * Math.Abs(expected), $"{fresh} and {expected}");
    }

    [Fact]
    public void Calibrated_noise_gives_the_next_state_the_variance_of_FP32s()
    {
        var run = new TwoSteps("sde-dpmsolver++");
        double sigma = run.Program.Evaluations[1].Sigma.Value;
        float[] noise = new Gaussian(9).Values(Count);
        double full = Drawn(run.Reference0, run.Reference1, sigma);

        Assert.Equal(full, Drawn(run.Quantized0, run.Quantized1, Calibrated(run.Moments)), 4 * Math.Sqrt(2.0 / Count) * full);
        Assert.True(Math.Abs(Drawn(run.Quantized0, run.Quantized1, Calibrated(run.WithoutHistory)) - full) > 0.03 * full);

        double Calibrated(JointMoments moments) => VarianceCorrection.Of(sigma, StepMean.AddedVariance(moments)).CalibratedSigma;

        double Drawn(float[] first, float[] second, double injected) => Variance([.. run.Next(first, second).Zip(noise, (mean, z) => mean + injected * z)]);
    }

    [Theory]
    [InlineData("dpmsolver++", true)]
    [InlineData("sde-dpmsolver++", true)]
    [InlineData("deis", true)]
    [InlineData("lms", true)]
    [InlineData("ddpm", false)]
    [InlineData("ddim", false)]
    [InlineData("euler-ancestral", false)]
    [InlineData("kdpm2-ancestral", true)]
    public void Solvers_with_former_predictions_need_every_step(string family, bool all) =>
        Assert.Equal(all, StepMean.NeedsAll(DiffusersImporter.Load(ModelFolder.Source).Scheduler.Run(family, 4, null).Program));

    /// <summary>A step without noise has no σ′, but its error is in the history that a later one reads.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_step_without_noise_is_evaluated_for_those_that_follow(bool needsAll)
    {
        const double sigma = 0.7;
        SolverProgram program = AdamsBashforth(sigma);
        Assert.True(StepMean.NeedsAll(program));
        float[] x0 = new Gaussian(3).Values(64 * ReferenceTrajectories.UnitImages), m0 = Scaled(x0, 0.9f), residual = new Gaussian(5).Values(64, 0.1);
        var plan = new CorrectionPlan(MeanCorrectionKind.Off, ClampK: false, Variance: true);
        StepDecision[] steps = [.. program.Evaluations.Select(e => new StepDecision(e, 8, [], JointMoments.Of(x0[..64], [.. x0[..64].Zip(residual, (a, b) => a + b)], 1), 1))];
        var added = new AddedVariance(steps, plan, needsAll, channels: 1);
        using var device = new CpuDevice(1);
        using NetworkEvaluator network = Evaluator(device, weight: 1.2f);
        var solver = new ProgramInterpreter(program, ReferenceTrajectories.UnitImages, 64, (to, _, draw) => new Gaussian(100 + draw).Values(to.Length).CopyTo(to));
        x0.CopyTo(solver.State);

        Assert.Equal(0, steps[0].Sigma);
        Add(0, m0);
        solver.Advance(0, m0);
        float[] x1 = solver.State.ToArray(), m1 = Scaled(x1, 0.9f);
        Add(1, m1);

        // Of FP32's states: x₁ − 0.75·m₁ + 0.25·m₀, with 1.2·x for m in the quantized network.
        double[] full = Next(m0, m1), ours = Next(needsAll ? Scaled(x0, 1.2f) : m0, Scaled(x1, 1.2f));
        double gain = added.Steps[1].ErrorGain, expected = Variance(ours) - Variance(full);
        Assert.Equal(expected, gain * Math.Abs(gain) * steps[1].Mean(plan).RemainingVariance, 1e-4 * Math.Abs(expected));

        void Add(int step, float[] prediction) => added.Add(new(step, 0, ReferenceTrajectories.UnitImages, solver, solver.State.ToArray(), prediction, [], prediction, []), network, default);

        double[] Next(float[] before, float[] now) => [.. x1.Select((x, i) => x - 0.75 * now[i] + 0.25 * before[i])];
    }

    /// <summary>The sampler's network says 2x; gain ½ and offset 1 make it m = x + 1. x₁ = x − ½(x + 1) = ½x − ½ and m₁ = ½x + ½, hence x₂ = x₁ − ¾·m₁ + ¼·m₀ = ⅜x − ⅝, where the history holds
    /// the corrected m₀. It would be ⅝x − ⅞, did it hold 2x.</summary>
    [Fact]
    public void The_next_step_reads_a_corrected_history()
    {
        SolverProgram program = AdamsBashforth(0);
        CalibrationManifest manifest = TestManifest.Create("two-steps", Linear);
        manifest = manifest with
        {
            Solver = new(program.Begin, program.End),
            Steps = new([.. manifest.Steps.Select((s, i) => s with { Evaluation = program.Evaluations[i], CalibratedSigma = default, Gain = new("0.5"), Offset = new([new("1")]) })]),
        };
        using var device = new CpuDevice(1);
        using InterpretedSampler sampler = InterpretedSampler.FromManifest(manifest, Tensors(weight: 2), device);
        float[] x = new float[64], drawn = sampler.Sample(new() { Count = 1, Seed = 4 }).Pixels.ToArray();
        ProgramInterpreter.Seeded(4)(x, 0, DrawStatement.Initial);

        Assert.All(x.Zip(drawn), pair => Assert.Equal(0.375 * pair.First - 0.625, pair.Second, 1e-5));
    }

    /// <summary>8×8×1: ε = weight·x.</summary>
    private static Network Linear { get; } = new("x", "y", new([new("x", 8, 8, 1, MapType.Float32), new("y", 8, 8, 1, MapType.Float32)]), new(0, 0, 0),
        new([new ConvolutionOperation("out", "x", "y", null, 1, 1, 0, 0, 1, 32, -1, new("1"))]));

    private static Func<string, long, byte[]> Tensors(float weight) => (name, length) =>
        MemoryMarshal.AsBytes<float>(length == sizeof(float) && name == "out.weight" ? [weight] : new float[length / sizeof(float)]).ToArray();

    private static NetworkEvaluator Evaluator(Device device, float weight) => new(Linear, 2, Tensors(weight), device, 2);

    /// <summary>x₁ = x − ½m₀; x₂ = x₁ − ½(3/2·m₁ − ½m₀) + σz.</summary>
    private static SolverProgram AdamsBashforth(double sigma)
    {
        var program = new ProgramBuilder(new Bounding(null));
        program.Begin(1);
        program.Evaluate(20);
        program.Set(Register.History(0), new LinearForm(Register.Prediction, 1));
        program.Set(Register.State, new(Register.State, 1), new(Register.Prediction, -0.5));
        program.Evaluate(10);
        if (sigma != 0) program.Draw();
        program.Set(Register.State, new(Register.State, 1), new(Register.Prediction, -0.75), new(Register.History(0), 0.25), new(Register.Noise, sigma));
        return program.Build();
    }

    private static float[] Scaled(float[] values, float factor) => Array.ConvertAll(values, v => factor * v);

    private static double Variance(double[] values)
    {
        double mean = values.Average();
        return values.Average(v => (v - mean) * (v - mean));
    }

    /// <summary>Synthetic predictions for the first two steps of DPM-Solver++ (Lu et al. 2022b) of the second order, ODE or SDE, whose formula is written out here.</summary>
    private sealed class TwoSteps
    {
        public const double Deviation = 0.3, Correlation = 0.8, K = 0.02;

        private readonly double[] _alpha, _sigma;
        private readonly float[] _x0, _x1;
        private readonly double _state, _original, _extrapolation;

        public TwoSteps(string algorithm)
        {
            // The last β is small, so that predicted originals are of the states' size.
            const double first = 1e-4, last = 0.004;
            Program = SchedulerFile.Program("DPMSolverMultistepScheduler", $$"""{"algorithm_type": "{{algorithm}}", "beta_start": 0.0001, "beta_end": 0.004}""", 3);
            double[] alphaBar = [.. Program.Evaluations.Select(e => Enumerable.Range(0, (int)e.Timestep.Single + 1).Aggregate(1.0, (product, t) => product * (1 - first - (last - first) * t / 999)))];
            (_alpha, _sigma) = ([.. alphaBar.Select(Math.Sqrt)], [.. alphaBar.Select(a => Math.Sqrt(1 - a))]);
            double h = Lambda(2) - Lambda(1), r = (Lambda(1) - Lambda(0)) / h;
            (_state, _original) = algorithm == "dpmsolver++" ? (_sigma[2] / _sigma[1], -_alpha[2] * (Math.Exp(-h) - 1)) : (_sigma[2] / _sigma[1] * Math.Exp(-h), _alpha[2] * (1 - Math.Exp(-2 * h)));
            _extrapolation = 1 / (2 * r);

            var random = new Gaussian(6);
            float[] shared = random.Values(Count), second = random.Values(Count), error1 = [.. shared.Zip(second, (a, b) => (float)(Correlation * a + Math.Sqrt(1 - Correlation * Correlation) * b))];
            Reference0 = random.Values(Count);
            _x0 = [.. Reference0.Select(e => (float)(_sigma[0] * e + _alpha[0] * 0.8 * random.Next()))];
            var solver = new ProgramInterpreter(Program, 1, Count, (to, _, draw) => new Gaussian(20 + draw).Values(to.Length).CopyTo(to));
            _x0.CopyTo(solver.State);
            var alone = new StepMean(1);
            var mean = new StepMean(1);
            Quantized0 = Quantize(Reference0, shared, K);
            mean.Moments(State(0, Reference0), _ => Quantized0);
            alone.Moments(State(0, Reference0), _ => Quantize(Reference0, shared, 0));
            solver.Advance(0, Reference0);

            _x1 = solver.State.ToArray();
            Reference1 = [.. _x1.Select(x => (float)(0.6 * x + 0.5 * random.Next()))];
            Quantized1 = Quantize(Reference1, error1, K);
            Moments = Assert.Single(mean.Moments(State(1, Reference1), _ => Quantized1));
            ErrorsAlone = Assert.Single(alone.Moments(State(1, Reference1), _ => Quantize(Reference1, error1, 0)));
            WithoutHistory = Assert.Single(new StepMean(1).Moments(State(1, Reference1), _ => Quantized1));

            TrajectoryState State(int step, float[] prediction) => new(step, 0, 1, solver, [], prediction, [], prediction, []);

            static float[] Quantize(float[] reference, float[] error, double k) => [.. reference.Zip(error, (m, e) => (float)((1 + k) * m + Deviation * e))];
        }

        public SolverProgram Program { get; }

        public float[] Reference0 { get; }

        public float[] Reference1 { get; }

        public float[] Quantized0 { get; }

        public float[] Quantized1 { get; }

        /// <summary>Of the second step's (M, E).</summary>
        public JointMoments Moments { get; }

        /// <summary>The same where errors are independent of the predictions.</summary>
        public JointMoments ErrorsAlone { get; }

        /// <summary>The same as if the first step had been FP32's.</summary>
        public JointMoments WithoutHistory { get; }

        /// <summary>What an error of the second prediction, and one of the first, is multiplied by on its way into the next state.</summary>
        public (double Now, double Before) Factors => (-_original * (1 + _extrapolation) * _sigma[1] / _alpha[1], _original * _extrapolation * _sigma[0] / _alpha[0]);

        /// <summary>The next state without its noise: A·x₁ + C·(D₁ + (D₁ − D₀)/2r), D the predicted originals.</summary>
        public double[] Next(float[] first, float[] second) => [.. first.Select((_, i) =>
        {
            double before = (_x0[i] - _sigma[0] * first[i]) / _alpha[0], now = (_x1[i] - _sigma[1] * second[i]) / _alpha[1];
            return _state * _x1[i] + _original * (now + _extrapolation * (now - before));
        })];

        private double Lambda(int step) => Math.Log(_alpha[step] / _sigma[step]);
    }
}
