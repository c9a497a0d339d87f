using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Latent consistency models (Luo et al. 2023): y = c_out·x₀ + c_skip·x, noised again to the next timestep, x ← √ᾱ′·y + √(1−ᾱ′)·z; the last y is the picture.</summary>
internal static class Lcm
{
    /// <summary>Of the boundary condition's scalings; fixed in the reference.</summary>
    private const double DataSigma = 0.5;

    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        (TrainingNoise noise, PredictionType prediction, int[] timesteps) = ConsistencySettings.Read(configuration, steps);
        double scaling = configuration.Positive("timestep_scaling", 10);
        var program = new ProgramBuilder(Bounding.Read(configuration, clips: false));
        program.Begin(1);
        for (int i = 0; i < steps; i++)
        {
            double t = timesteps[i] * scaling, sum = t * t + DataSigma * DataSigma;
            NoiseLevel level = NoiseLevel.OfAlphaBar(noise.AlphaBars[timesteps[i]]);
            program.Evaluate(timesteps[i], level: level);
            LinearForm original = program.Bound(level.Original(prediction));
            LinearForm denoised = t / Math.Sqrt(sum) * original + new LinearForm(Register.State, DataSigma * DataSigma / sum);
            if (i == steps - 1)
            {
                program.Set(Register.State, denoised);
                break;
            }

            NoiseLevel next = NoiseLevel.OfAlphaBar(noise.AlphaBars[timesteps[i + 1]]);
            program.Set(Register.State, next.Alpha * denoised + next.Sigma * new LinearForm(program.Draw()));
        }

        return program.Build();
    }
}
