using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Euler's method along dx/dρ = (x − x₀)/ρ, without churn; the ancestral form steps down to ρ↓ and adds noise ρ↑, ρ↑² = ρ′²(ρ² − ρ′²)/ρ² and ρ↓² = ρ′² − ρ↑².</summary>
internal static class Euler
{
    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration, rescales: true, finite: true);
        PredictionType prediction = configuration.Text("prediction_type", "epsilon") == "original_sample" ? PredictionType.Sample : configuration.Prediction();
        double[] timesteps = SigmaPath.FullTimesteps(configuration, noise, steps);
        bool logLinear = configuration.Choice("interpolation_type", false, ("linear", false), ("log_linear", true));
        bool own = configuration.Flag("use_karras_sigmas", false) || configuration.Flag("use_exponential_sigmas", false);
        // Interpolated in their logarithms, levels span all that was trained, whatever the timesteps; Karras's and exponential ones then lie between the same ends.
        SigmaPath path = SigmaPath.Create(configuration, noise, logLinear && own ? [noise.Timesteps - 1, 0] : timesteps, steps, wholeRange: false,
            configuration.EndsAtZero() ? 0 : noise.Ratios[0], limits: true);
        // Of the even ones there is one more than steps: the final level is not reached.
        if (logLinear && !own) path = path with { Ratios = [.. SigmaPath.Exponential(noise.Ratios[0], noise.Ratios[^1], steps + 1).Select(r => (float)r)] };

        if (configuration.Choice("timestep_type", false, ("discrete", false), ("continuous", true)) && prediction == PredictionType.VPrediction)
            path = path with { Timesteps = [.. path.Ratios.Take(path.Count).Select(r => 0.25f * MathF.Log(r))] };
        return Write(path, KarrasState.InitialSigma(configuration, path), new(prediction), ancestral: false);
    }

    public static SolverProgram CreateAncestral(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration, rescales: true, finite: true);
        double[] timesteps = SigmaPath.FullTimesteps(configuration, noise, steps);
        var path = new SigmaPath([.. timesteps.Select(t => (float)t)], [.. timesteps.Select(t => (float)noise.RatioAt(t)), 0]);
        return Write(path, KarrasState.InitialSigma(configuration, path), new(configuration.Prediction(sample: false)), ancestral: true);
    }

    /// <summary>ρ↓ and ρ↑ between two levels; ρ↓ = ρ′²/ρ.</summary>
    public static (double Down, double Up) Split(double from, double to) => (to * to / from, to * Math.Sqrt((from - to) * (from + to)) / from);

    private static SolverProgram Write(SigmaPath path, double initialSigma, KarrasState state, bool ancestral)
    {
        var program = new ProgramBuilder(Bounding.None);
        program.Begin(initialSigma);
        for (int i = 0; i < path.Count; i++)
        {
            double from = path.Ratios[i], to = path.Ratios[i + 1];
            var (down, up) = ancestral ? Split(from, to) : (to, 0);
            program.Evaluate(path.Timesteps[i], KarrasState.InputScale(from), KarrasState.Level(from));
            LinearForm next = Register.State + (down - from) * state.Derivative(program, from);
            program.Set(Register.State, up == 0 ? next : next + up * new LinearForm(program.Draw()));
        }

        return program.Build();
    }
}
