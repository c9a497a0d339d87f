using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>What errors of predictions make of the next state, by the formulas of solvers that inject noise: x₀ = (x − σm)/α takes −ρ of an error of m, and so on. The network says <see cref="Slope"/>·input;
/// the quantized one errs by normal numbers of <see cref="Deviation"/>, an evaluation's by <see cref="Correlation"/> with those of the one before.</summary>
public class StepErrorTests
{
    private const double Slope = 0.6, Deviation = 0.3, Correlation = -0.5;
    private const int Count = 100_000, Evaluation = 3;

    [Fact]
    public void A_step_of_LCM_adds_its_own_error()
    {
        var run = new Run("LCMScheduler", """{"original_inference_steps": 50}""", 6, "scaled_linear");
        double time = 10 * run.Timestep(Evaluation);
        run.AssertError(-Alpha(run.Ratio(Evaluation + 1)) * time / Math.Sqrt(time * time + 0.25) * run.Ratio(Evaluation));
    }

    /// <summary>γ = 0.3.</summary>
    [Fact]
    public void A_step_of_TCD_adds_its_own_error()
    {
        var run = new Run("TCDScheduler", """{"original_inference_steps": 50}""", 6, "scaled_linear");
        double from = run.Ratio(Evaluation), middle = run.Noise.RatioAt(Math.Floor(0.7 * run.Timestep(Evaluation + 1))), to = run.Ratio(Evaluation + 1);
        // √(ᾱ′/ᾱ_s)·(σ_s − α_s·σ/α).
        run.AssertError(Alpha(to) * (middle - from));
    }

    /// <summary>Evaluation 3 ends the second block of two: x′ = … + α′ψD₀ + α′(1 − ψ/2h)·(m₁ − D₀)/r + σ′√ψ·z, the first prediction from the history.</summary>
    [Fact]
    public void The_second_evaluation_of_a_single_step_SDE_adds_the_first_ones_error()
    {
        var run = new Run("DPMSolverSinglestepScheduler", """{"algorithm_type": "sde-dpmsolver++", "solver_type": "heun", "solver_order": 2}""", 8, "linear");
        double first = run.Ratio(2), second = run.Ratio(3), to = run.Ratio(4), h = Math.Log(first / to), psi = 1 - Math.Exp(-2 * h);
        double slope = (1 - psi / (2 * h)) * h / Math.Log(first / second);
        run.AssertError(-first * Alpha(to) * (psi - slope), -second * Alpha(to) * slope);
    }

    /// <summary>Evaluation 3 is in the middle of the second step, where ρ is that of its end; x′ = x + (ρ↓ − ρ)·D + ρ↑z. What the first evaluation errs by shifts the middle, of which the network and, with v-prediction,
    /// D itself makes something.</summary>
    [Theory]
    [InlineData("epsilon")]
    [InlineData("v_prediction")]
    public void The_middle_of_an_ancestral_KDPM2_step_is_the_quantized_networks_own(string prediction)
    {
        const int steps = 6;
        var run = new Run("KDPM2AncestralDiscreteScheduler", $$"""{"use_karras_sigmas": true, "prediction_type": "{{prediction}}"}""", steps, "linear");
        double[] ratios = SigmaPath.Karras(run.Noise.Ratios[0], run.Noise.Ratios[^1], steps, 7);
        double from = ratios[1], middle = ratios[2], down = middle * middle / from;
        // D = state·x + predicted·m.
        (double state, double predicted) = prediction == "epsilon" ? (0, 1) : (Sigma(middle) * Sigma(middle) / middle, Sigma(middle) / middle);
        double shift = (middle - from) * (prediction == "epsilon" ? 1 : Sigma(from) / from);
        run.AssertError((down - from) * (state + predicted * Slope * Alpha(middle)) * shift, (down - from) * predicted);
    }

    private static double Alpha(double ratio) => 1 / Math.Sqrt(ratio * ratio + 1);

    private static double Sigma(double ratio) => ratio * Alpha(ratio);

    private sealed class Run
    {
        private readonly SolverProgram _program;

        public Run(string className, string json, int steps, string schedule)
        {
            json = json.Replace("{", $"{{\"beta_schedule\": \"{schedule}\", \"beta_start\": 0.00085, \"beta_end\": 0.012, ");
            _program = SchedulerFile.Program(className, json, steps);
            Noise = SchedulerFile.Read(json, c => TrainingNoise.Read(c));
        }

        public TrainingNoise Noise { get; }

        public double Timestep(int evaluation) => _program.Evaluations[evaluation].Timestep.Single;

        public double Ratio(int evaluation) => Noise.RatioAt(Timestep(evaluation));

        /// <summary>Var(E) of <see cref="Evaluation"/>, within 4·√(2/n).</summary>
        /// <param name="factors">Of the errors in the next state; the last is that of this evaluation's prediction, the first may be of the one before.</param>
        public void AssertError(params double[] factors)
        {
            double now = factors[^1], before = factors.Length > 1 ? factors[0] : 0;
            double expected = Deviation * Deviation * (now * now + before * before + 2 * Correlation * now * before);
            Assert.NotEqual(0, _program.Evaluations[Evaluation].Sigma);
            Assert.Equal(expected, StepMean.ErrorVariance(Moments()), 4 * Math.Sqrt(2.0 / Count) * expected);
            // The first error shows.
            if (before != 0) Assert.True(Math.Abs(Deviation * Deviation * now * now / expected - 1) > 0.1);
        }

        private JointMoments Moments()
        {
            var solver = new ProgramInterpreter(_program, 1, Count, (to, _, draw) => new Gaussian(100 + draw).Values(to.Length).CopyTo(to));
            var mean = new StepMean(1);
            solver.Begin();
            float[] errors = new Gaussian(1).Values(Count, Deviation), x = new float[Count];
            for (int i = 0; ; i++)
            {
                solver.Input(i, x);
                float[] prediction = Array.ConvertAll(x, v => (float)(Slope * v)), own = errors;
                JointMoments moments = Assert.Single(mean.Moments(new(i, 0, 1, solver, x, prediction, [], prediction, []), input => [.. input.Zip(own, (v, e) => (float)(Slope * v) + e)]));
                if (i == Evaluation) return moments;
                solver.Advance(i, prediction);
                errors = [.. errors.Zip(new Gaussian(2 + i).Values(Count, Deviation * Math.Sqrt(1 - Correlation * Correlation)), (e, n) => (float)(Correlation * e) + n)];
            }
        }
    }
}
