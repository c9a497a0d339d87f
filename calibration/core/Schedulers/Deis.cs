using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>DEIS (Zhang and Chen 2023) over ln ρ: x′/α′ = x/α + Σ cᵢ·εᵢ, where cᵢ integrates over ρ the polynomial in ln ρ that is 1 at the i-th level and 0 at the others. It ends at the smallest trained level: there is no ln 0.</summary>
internal static class Deis
{
    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration);
        configuration.Choice("algorithm_type", true, ("deis", true), ("dpmsolver", true), ("dpmsolver++", true));
        configuration.Choice("solver_type", true, ("logrho", true), ("midpoint", true), ("heun", true), ("bh1", true), ("bh2", true));
        var update = new DpmUpdate(DpmAlgorithm.Noise, Midpoint: true);
        double[] timesteps = SigmaPath.OpenTimesteps(configuration, noise, steps, noise.Timesteps, configuration.Spacing(TimestepSpacing.Linspace));
        SigmaPath path = SigmaPath.Create(configuration, noise, timesteps, steps, wholeRange: true,
            configuration.Flag("use_karras_sigmas", false) ? null : noise.Ratios[0]);
        PredictionType prediction = configuration.Prediction();
        MultistepOrder orders = MultistepOrder.Read(configuration, path.Count, firstAtEnd: false, arguments.Start);
        var program = new ProgramBuilder(Bounding.Read(configuration));
        var history = new PredictionHistory(program, orders.Order);
        program.Begin(1);
        for (int i = 0; i < path.Count; i++)
        {
            double from = path.Ratios[i], to = path.Ratios[i + 1];
            NoiseLevel source = update.Level(from), target = update.Level(to);
            program.Evaluate(path.Timesteps[i], level: source);
            history.Keep(update.Predict(program, from, source.Original(prediction)));
            double[] logarithms = [.. Enumerable.Range(0, orders.At(i)).Select(k => Math.Log(path.Ratios[i - k]))];
            LinearForm next = target.Alpha / source.Alpha * new LinearForm(Register.State);
            for (int k = 0; k < logarithms.Length; k++)
                next += target.Alpha * Weight(logarithms, k, Math.Log(from), Math.Log(to)) * new LinearForm(history[k]);
            program.Set(Register.State, next);
        }

        return program.Build();
    }

    /// <summary>∫ P(ln ρ) dρ = ∫ P(u)·eᵘ du, for the Lagrange polynomial P of the k-th of up to three levels.</summary>
    private static double Weight(double[] levels, int k, double from, double to)
    {
        double[] others = [.. levels.Where((_, j) => j != k)];
        double scale = others.Aggregate(1.0, (product, other) => product * (levels[k] - other));
        return (Antiderivative(to) - Antiderivative(from)) / scale;

        // Of eᵘ·Π(u − otherⱼ), by parts: eᵘ·(P − P′ + P″).
        double Antiderivative(double u) => Math.Exp(u) * (others.Length switch
        {
            0 => 1,
            1 => u - others[0] - 1,
            _ => (u - others[0]) * (u - others[1]) - (2 * u - others[0] - others[1]) + 2,
        });
    }
}
