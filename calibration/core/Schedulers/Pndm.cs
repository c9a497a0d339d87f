using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>PNDM (Liu et al. 2022): x′ = √(ᾱ′/ᾱ)·x − (ᾱ′ − ᾱ)/(ᾱ√(1−ᾱ′) + √(ᾱ(1−ᾱ)ᾱ′))·e, where e mixes the last predictions as Adams and Bashforth do (PLMS),
/// after three steps of Runge and Kutta with four evaluations each (PRK) or, where those are skipped, after lower orders.</summary>
internal static class Pndm
{
    private const int Order = 4;
    private static readonly Register Start = Register.Saved(0), Accumulated = Register.History(Order);

    /// <summary>What the steps share.</summary>
    private sealed class Run(ConfigurationReader configuration)
    {
        private readonly bool _endsAtOne = configuration.Flag("set_alpha_to_one", false);

        public TrainingNoise Noise { get; } = TrainingNoise.Read(configuration);

        public PredictionType Prediction { get; } = configuration.Prediction(sample: false);

        public ProgramBuilder Program { get; } = new(Bounding.None);

        /// <summary>The level of a timestep.</summary>
        public NoiseLevel Level(int timestep) => NoiseLevel.OfAlphaBar(Noise.AlphaBars[timestep]);

        /// <summary>From x at one timestep to another, along the mixed prediction e.</summary>
        public LinearForm Move(LinearForm state, int from, int to, LinearForm mixed)
        {
            double alphaBar = Noise.AlphaBars[from], next = to >= 0 ? Noise.AlphaBars[to] : _endsAtOne ? 1 : Noise.AlphaBars[0];
            if (Prediction == PredictionType.VPrediction) mixed = Math.Sqrt(alphaBar) * mixed + Math.Sqrt(1 - alphaBar) * state;
            double divisor = alphaBar * Math.Sqrt(1 - next) + Math.Sqrt(alphaBar * (1 - alphaBar) * next);
            return Math.Sqrt(next / alphaBar) * state - (next - alphaBar) / divisor * mixed;
        }
    }

    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        var run = new Run(configuration);
        bool skips = configuration.Flag("skip_prk_steps", false);
        if (!skips && steps < Order)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"PNDM begins with Runge-Kutta steps and has at least {Order} steps. Set skip_prk_steps to true for fewer.");
        int[] timesteps = Timesteps.Create(configuration, run.Noise.Timesteps, steps);
        int stride = run.Noise.Timesteps / steps;
        var history = new PredictionHistory(run.Program, Order);
        run.Program.Begin(1);
        if (!skips) RungeKutta(run, timesteps, stride / 2, history);
        Multistep(run, skips ? timesteps : timesteps[3..], stride, history, warm: !skips, arguments.Start);
        return run.Program.Build();
    }

    /// <summary>Three steps; each evaluates at its beginning, twice in the middle and at its end.</summary>
    private static void RungeKutta(Run run, int[] timesteps, int half, PredictionHistory history)
    {
        for (int step = 0; step < 3; step++)
        {
            int from = timesteps[step], middle = timesteps[step + 1] + half, end = timesteps[step + 1];
            ProgramBuilder program = run.Program;
            program.Evaluate(from, level: run.Level(from));
            Register first = history.Keep(Register.Prediction);
            program.Set(Accumulated, 1.0 / 6 * new LinearForm(Register.Prediction));
            program.Set(Start, Register.State);
            program.Set(Register.State, run.Move(Register.State, from, from - half, first));
            for (int i = 0; i < 2; i++)
            {
                program.Evaluate(middle);
                program.Set(Accumulated, Accumulated + 1.0 / 3 * new LinearForm(Register.Prediction));
                program.Set(Register.State, run.Move(Start, from, i == 0 ? middle : middle - half, Register.Prediction));
            }

            program.Evaluate(end);
            program.Set(Register.State, run.Move(Start, from, end, Accumulated + 1.0 / 6 * new LinearForm(Register.Prediction)));
        }
    }

    private static void Multistep(Run run, int[] timesteps, int stride, PredictionHistory history, bool warm, int start)
    {
        int kept = warm ? 3 : 0;
        ProgramBuilder program = run.Program;
        for (int i = 0; i < timesteps.Length; i++)
        {
            int t = timesteps[i];
            program.Evaluate(t, level: run.Level(t));
            // A run that begins here has no former predictions.
            if (program.Index == start) kept = 0;
            history.Keep(Register.Prediction);
            kept = Math.Min(kept + 1, Order);
            bool first = i == 0 && !warm && timesteps.Length > 1;
            if (first) program.Set(Start, Register.State);
            program.Set(Register.State, run.Move(Register.State, t, t - stride, Mixed(history, kept)));
            if (!first) continue;
            // The first step is taken again with the mean of the predictions at both of its ends; the second one is not kept.
            int end = timesteps[1];
            program.Evaluate(end);
            program.Set(Register.State, run.Move(Start, end + stride, end, 0.5 * (Register.Prediction + (LinearForm)history[0])));
        }
    }

    /// <summary>Adams and Bashforth's weights.</summary>
    private static LinearForm Mixed(PredictionHistory history, int kept)
    {
        double[] weights = kept switch { 1 => [1], 2 => [3.0 / 2, -1.0 / 2], 3 => [23.0 / 12, -16.0 / 12, 5.0 / 12], _ => [55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24] };
        LinearForm mixed = weights[0] * new LinearForm(history[0]);
        for (int k = 1; k < weights.Length; k++) mixed += weights[k] * new LinearForm(history[k]);
        return mixed;
    }
}
