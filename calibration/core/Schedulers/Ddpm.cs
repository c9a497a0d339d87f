using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Ancestral sampling of Ho et al. 2020 (eq. 6 and 7), with the β of the jump actually taken: x ← √ᾱ′·b/(1−ᾱ)·x₀ + √a·(1−ᾱ′)/(1−ᾱ)·x + σz, a = ᾱ/ᾱ′, b = 1 − a.</summary>
internal static class Ddpm
{
    /// <summary>The library's lower bound on the variance; noise of this size is none.</summary>
    private const double LeastVariance = 1e-20;

    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration, furtherSchedule: "sigmoid", rescales: true);
        PredictionType prediction = configuration.Prediction();
        VarianceType variance = configuration.Choice("variance_type", VarianceType.FixedSmall,
            ("fixed_small", VarianceType.FixedSmall), ("fixed_small_log", VarianceType.FixedSmallLog), ("fixed_large", VarianceType.FixedLarge),
            ("learned", VarianceType.Learned), ("learned_range", VarianceType.LearnedRange));
        var program = new ProgramBuilder(Bounding.Read(configuration, clips: true));
        program.Begin(1);
        foreach (var (timestep, alphaBar, next) in MarkovSteps.Of(configuration, noise, steps, final: 1, listed: true))
        {
            double a = alphaBar / next, b = 1 - a, small = (1 - next) / (1 - alphaBar) * (1 - alphaBar / next);
            NoiseLevel level = NoiseLevel.OfAlphaBar(alphaBar);
            program.Evaluate(timestep, level: level);
            var (state, predicted) = level.OriginalFactors(prediction);
            program.Bound(new Term(Register.State, state), new(Register.Prediction, predicted));
            double sigma = timestep == 0 ? 0 : variance switch
            {
                VarianceType.FixedLarge => Math.Sqrt(b),
                VarianceType.Learned or VarianceType.LearnedRange => 1,
                _ => small > LeastVariance ? Math.Sqrt(small) : 0,
            };
            if (sigma != 0) program.Draw();
            if (sigma != 0 && variance == VarianceType.Learned) program.ScaleNoiseByRoot();
            if (sigma != 0 && variance == VarianceType.LearnedRange)
            {
                // σ = exp(½(f·ln b + (1 − f)·ln σ²)), f = (v + 1)/2.
                double most = Math.Log(b), least = Math.Log(Math.Max(small, LeastVariance));
                program.ScaleNoiseByExponential((most - least) / 4, (most + least) / 4);
            }

            program.Set(Register.State, new(Register.State, Math.Sqrt(a) * (1 - next) / (1 - alphaBar)),
                new(Register.Original, Math.Sqrt(next) * b / (1 - alphaBar)), new(Register.Noise, sigma));
        }

        return program.Build();
    }
}
