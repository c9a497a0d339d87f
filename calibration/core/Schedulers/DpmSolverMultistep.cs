using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>DPM-Solver and DPM-Solver++, multistep: orders 1 to 3 from the predictions of former steps, ODE or SDE.</summary>
internal static class DpmSolverMultistep
{
    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration, rescales: true, finite: true);
        DpmUpdate update = DpmUpdate.Read(configuration, noiseSde: true);
        float final = update.FinalRatio(configuration, noise.Ratios[0]);
        double[] timesteps = SigmaPath.OpenTimesteps(configuration, noise, steps, UsedTimesteps(configuration, noise), configuration.Spacing(TimestepSpacing.Linspace));
        SigmaPath path = configuration.Flag("use_lu_lambdas", false)
            ? Lu(configuration, noise, steps, final)
            : SigmaPath.Create(configuration, noise, timesteps, steps, wholeRange: true, final);
        PredictionType prediction = configuration.Prediction();
        return Write(configuration, update, path, arguments.Start, initialSigma: 1, _ => 1, ratio => NoiseLevel.OfRatio(ratio).Original(prediction));
    }

    /// <summary>The same steps for a state x₀ + ρε and the network's preconditioning of Karras et al. 2022.</summary>
    public static SolverProgram CreateEdm(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        DpmUpdate update = DpmUpdate.Read(configuration, noiseSde: false, noiseOde: false, unscaled: true);
        var edm = new EdmPreconditioning(configuration);
        SigmaPath path = edm.Path(steps, update.FinalRatio(configuration, edm.LeastRatio));
        return Write(configuration, update, path, arguments.Start, edm.InitialSigma, edm.InputScale, edm.Original);
    }

    /// <summary>Trained timesteps of which λ is not below <c>lambda_min_clipped</c>.</summary>
    public static int UsedTimesteps(ConfigurationReader configuration, TrainingNoise noise) =>
        // The default as Python writes it arrives as a text.
        configuration.Raw("lambda_min_clipped") != "\"-Infinity\"" && configuration.NumberOrNull("lambda_min_clipped", float.MinValue, float.MaxValue) is { } least
            ? noise.AlphaBars.Count(a => MathF.Log(MathF.Sqrt(a)) - MathF.Log(MathF.Sqrt(1 - a)) >= least)
            : noise.Timesteps;

    private static SolverProgram Write(ConfigurationReader configuration, DpmUpdate update, SigmaPath path, int start, double initialSigma,
        Func<double, double> inputScale, Func<double, LinearForm> original)
    {
        MultistepOrder orders = MultistepOrder.Read(configuration, path.Count,
            firstAtEnd: configuration.Flag("euler_at_final", false) || configuration.EndsAtZero(), start);
        if (update.Algorithm == DpmAlgorithm.NoiseSde && orders.Order == 3)
            throw new UnsupportedModelException(configuration.File, "solver_order", "3", "With sde-dpmsolver use 1 or 2.");
        var program = new ProgramBuilder(Bounding.Read(configuration));
        var history = new PredictionHistory(program, orders.Order);
        program.Begin(initialSigma);
        for (int i = 0; i < path.Count; i++)
        {
            double from = path.Ratios[i], to = path.Ratios[i + 1];
            program.Evaluate(path.Timesteps[i], inputScale(from), update.Level(from));
            LinearForm d0 = update.Predict(program, from, original(from));
            if (orders.Order > 1 && i < path.Count - 1) d0 = history.Keep(d0);
            int order = orders.At(i);
            var (d1, d2) = Differences(order, d0, history, path, i);
            program.Set(Register.State, update.Step(program, Register.State, from, to, d0, d1, d2, update.Midpoint && order == 2));
        }

        return program.Build();
    }

    /// <summary>Divided differences of the last predictions over λ, times h and h².</summary>
    private static (LinearForm? First, LinearForm? Second) Differences(int order, LinearForm d0, PredictionHistory history, SigmaPath path, int i)
    {
        if (order == 1) return default;
        double h = Lambda(i + 1) - Lambda(i), r0 = (Lambda(i) - Lambda(i - 1)) / h;
        int kept = i < path.Count - 1 ? 1 : 0;
        LinearForm first = (d0 - history[kept]) / r0;
        if (order == 2) return (first, null);
        double r1 = (Lambda(i - 1) - Lambda(i - 2)) / h;
        LinearForm second = (first - (history[kept] - (LinearForm)history[kept + 1]) / r1) / (r0 + r1);
        return (first + r0 * second, second);

        double Lambda(int step) => DpmUpdate.Lambda(path.Ratios[step]);
    }

    /// <summary>Levels whose λ lie evenly over all that was trained (Lu et al. 2022a).</summary>
    private static SigmaPath Lu(ConfigurationReader configuration, TrainingNoise noise, int steps, float final)
    {
        if (configuration.Flag("use_karras_sigmas", false) || configuration.Flag("use_exponential_sigmas", false))
            throw new ModelImportException(configuration.File, "use_lu_lambdas", "other levels are asked for as well. Set one of them to false.");
        double[] ratios = SigmaPath.Exponential(noise.Ratios[0], noise.Ratios[^1], steps);
        return new([.. ratios.Select(r => (float)Math.Round(noise.TimestepOf(r)))], [.. ratios.Select(r => (float)r), final]);
    }
}
