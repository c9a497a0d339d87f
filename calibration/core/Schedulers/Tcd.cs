using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Trajectory consistency distillation (Zheng et al. 2024): deterministically to s = ⌊(1 − γ)·t′⌋, y = √ᾱ_s·x₀ + √(1−ᾱ_s)·ε, then noised to t′, x ← √(ᾱ′/ᾱ_s)·y + √(1−ᾱ′/ᾱ_s)·z.</summary>
internal static class Tcd
{
    /// <summary>γ where nothing is said.</summary>
    public const double DefaultGamma = 0.3;

    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        (TrainingNoise noise, PredictionType prediction, int[] timesteps) = ConsistencySettings.Read(configuration, steps);
        double gamma = arguments.Eta ?? DefaultGamma;
        // The reference has settings for bounds and does not use them.
        var program = new ProgramBuilder(Bounding.None);
        program.Begin(1);
        for (int i = 0; i < steps; i++)
        {
            bool last = i == steps - 1;
            int next = last ? 0 : timesteps[i + 1], target = (int)MathF.Floor((float)(1 - gamma) * next);
            NoiseLevel from = NoiseLevel.OfAlphaBar(noise.AlphaBars[timesteps[i]]), to = NoiseLevel.OfAlphaBar(noise.AlphaBars[target]);
            program.Evaluate(timesteps[i], level: from);
            LinearForm moved = to.Alpha * from.Original(prediction) + to.Sigma * from.Noise(prediction);
            double kept = (double)noise.AlphaBars[next] / noise.AlphaBars[target];
            program.Set(Register.State, last || gamma == 0 ? moved
                : Math.Sqrt(kept) * moved + Math.Sqrt(1 - kept) * new LinearForm(program.Draw()));
        }

        return program.Build();
    }
}
