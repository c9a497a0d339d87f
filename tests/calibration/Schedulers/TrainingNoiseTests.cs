using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>Levels that a network was trained at, by the formulas of their schedules.</summary>
public class TrainingNoiseTests
{
    private const int Timesteps = 50;
    private const double Start = 0.001, End = 0.03;

    [Theory]
    [InlineData("DDPMScheduler", "linear")]
    [InlineData("DDPMScheduler", "scaled_linear")]
    [InlineData("DDPMScheduler", "squaredcos_cap_v2")]
    [InlineData("DDPMScheduler", "sigmoid")]
    [InlineData("HeunDiscreteScheduler", "exp")]
    public void EveryScheduleHasTheLevelsOfItsFormula(string className, string schedule)
    {
        Func<int, double> beta = schedule switch
        {
            "linear" => t => Start + (End - Start) * t / (Timesteps - 1),
            "scaled_linear" => t => Math.Pow(Math.Sqrt(Start) + (Math.Sqrt(End) - Math.Sqrt(Start)) * t / (Timesteps - 1), 2),
            "sigmoid" => t => Start + (End - Start) / (1 + Math.Exp(6 - 12.0 * t / (Timesteps - 1))),
            // No β exceeds 0.999; they follow from ᾱ otherwise.
            "squaredcos_cap_v2" => t => Math.Min(1 - Cosine(t + 1) / Cosine(t), 0.999),
            _ => t => 1 - Math.Exp(-12.0 / Timesteps),
        };
        AssertLevels(className, $$"""{"num_train_timesteps": {{Timesteps}}, "beta_schedule": "{{schedule}}", "beta_start": {{Start}}, "beta_end": {{End}}}""", beta);

        static double Cosine(int t) => Math.Pow(Math.Cos((t / (double)Timesteps + 0.008) / 1.008 * Math.PI / 2), 2);
    }

    /// <summary>They come before whatever schedule is named.</summary>
    [Fact]
    public void TrainedBetasAreTakenAsTheyAre()
    {
        double[] betas = [.. Enumerable.Range(0, Timesteps).Select(t => 0.01 + 0.001 * (t * 7 % 11))];
        AssertLevels("DDPMScheduler", $$"""{"num_train_timesteps": {{Timesteps}}, "beta_schedule": "sigmoid", "trained_betas": [{{string.Join(", ", betas)}}]}""", t => betas[t]);
    }

    /// <summary>As a run that visits every timestep, from the last, has them: what its state is a mixture of where a step begins.</summary>
    private static void AssertLevels(string className, string json, Func<int, double> beta)
    {
        SolverStart[] levels = [.. SchedulerFile.Program(className, json, Timesteps).Evaluations.Select(e => e.Start).OfType<SolverStart>()];
        Assert.Equal(Timesteps, levels.Length);
        double alphaBar = 1;
        for (int t = 0; t < Timesteps; t++)
        {
            alphaBar *= 1 - beta(t);
            double ratio = Math.Sqrt((1 - alphaBar) / alphaBar);
            Assert.Equal(ratio, levels[^(t + 1)].Noise / (double)levels[^(t + 1)].Known, 1e-4 * ratio);
        }
    }
}
