using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Song et al. 2021 (eq. 12): x ← √ᾱ′·x₀ + √(1−ᾱ′−σ²)·ε + σz; deterministic for η = 0, DDPM's noise for η = 1.</summary>
internal static class Ddim
{
    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration, rescales: true);
        PredictionType prediction = configuration.Prediction();
        double final = configuration.Flag("set_alpha_to_one", true) ? 1 : noise.AlphaBars[0];
        var program = new ProgramBuilder(Bounding.Read(configuration, clips: true));
        program.Begin(1);
        foreach (var (timestep, alphaBar, next) in MarkovSteps.Of(configuration, noise, steps, final, listed: false))
        {
            NoiseLevel level = NoiseLevel.OfAlphaBar(alphaBar);
            double sigma = (arguments.Eta ?? 0) * Math.Sqrt((1 - next) / (1 - alphaBar) * (1 - alphaBar / next));
            double direction = Math.Sqrt(Math.Max(1 - next - sigma * sigma, 0));
            program.Evaluate(timestep, level: level);
            var (state, predicted) = level.OriginalFactors(prediction);
            program.Bound(new Term(Register.State, state), new(Register.Prediction, predicted));
            double fromOriginal = Math.Sqrt(next);
            if (arguments.UseClippedOutput)
            {
                // ε = (x − √ᾱ·x₀)/√(1−ᾱ): the prediction enters through the clipped original alone.
                fromOriginal -= direction * level.Alpha / level.Sigma;
                (state, predicted) = (1 / level.Sigma, 0);
            }
            else
            {
                (state, predicted) = level.NoiseFactors(prediction);
            }

            if (sigma != 0) program.Draw();
            program.Set(Register.State, new(Register.Prediction, direction * predicted), new(Register.State, direction * state),
                new(Register.Original, fromOriginal), new(Register.Noise, sigma));
        }

        return program.Build();
    }
}
