using Specializer.Calibration.Conversion;
using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>Levels of which no run was recorded.</summary>
public class SigmaPathTests
{
    private const int Steps = 12;

    [Fact]
    public void ExponentialLevelsLieEvenlyInTheirLogarithms()
    {
        const string Json = """{"use_exponential_sigmas": true}""";
        SigmaPath path = SchedulerFile.Read(Json, configuration =>
        {
            TrainingNoise noise = TrainingNoise.Read(configuration);
            SigmaPath levels = SigmaPath.Create(configuration, noise, SigmaPath.FullTimesteps(configuration, noise, Steps), Steps, wholeRange: false, final: 0);
            Assert.Equal(noise.Ratios[^1], levels.Ratios[0], 1e-4f);
            Assert.Equal(noise.Ratios[0], levels.Ratios[Steps - 1], 1e-6f);
            // The network is told where these levels lie among the trained ones.
            for (int i = 0; i < Steps; i++) Assert.Equal(levels.Ratios[i], noise.RatioAt(levels.Timesteps[i]), 5e-2 * levels.Ratios[i]);
            return levels;
        });
        double quotient = path.Ratios[1] / (double)path.Ratios[0];
        for (int i = 1; i < Steps; i++) Assert.Equal(quotient, path.Ratios[i] / (double)path.Ratios[i - 1], 1e-6);
        Assert.Equal(0, path.Ratios[Steps]);
    }

    [Theory]
    [InlineData("leading", 1, 11, 91)]
    [InlineData("trailing", 0, 10, 99)]
    [InlineData("linspace", 0, 10, 99)]
    public void TheNoisiestTimestepsCanBeLeftOut(string spacing, int offset, int steps, int mostWithout)
    {
        string json = $$"""{"num_train_timesteps": 100, "beta_schedule": "squaredcos_cap_v2", "timestep_spacing": "{{spacing}}", "steps_offset": {{offset}}""";
        Assert.InRange(First(json + "}"), mostWithout - 5, mostWithout);
        int used = SchedulerFile.Read(json + ", \"lambda_min_clipped\": -2}", c => DpmSolverMultistep.UsedTimesteps(c, TrainingNoise.Read(c)));
        Assert.InRange(used, 80, 95);
        Assert.InRange(First(json + ", \"lambda_min_clipped\": -2}"), 60, used - 1 + offset);

        float First(string text) => SchedulerFile.Program("DPMSolverMultistepScheduler", text, steps).Evaluations[0].Timestep.Single;
    }

    /// <summary>Python writes the library's default, which is no JSON number.</summary>
    [Fact]
    public void NoTimestepIsLeftOutByMinusInfinity() => Assert.Equal(
        SchedulerFile.Program("DPMSolverMultistepScheduler", "{}", 10),
        SchedulerFile.Program("DPMSolverMultistepScheduler", """{"lambda_min_clipped": -Infinity}""", 10));

    /// <summary>Latent Diffusion's DDIM: range(0, T, T/S) + 1 from its end, and the last step to the first trained level.</summary>
    [Theory]
    [InlineData(20)]
    [InlineData(250)]
    public void LatentDiffusionHasItsOwnTimesteps(int steps)
    {
        SolverProgram program = SchedulerFile.Program("DDIMScheduler", PipelineRecipe.LatentDiffusionNoise, steps);
        Assert.Equal(Enumerable.Range(0, steps).Select(i => i * (1000.0 / steps) + 1).Reverse(), program.Evaluations.Select(e => e.Timestep.Value));
        TrainingNoise noise = SchedulerFile.Read(PipelineRecipe.LatentDiffusionNoise, c => TrainingNoise.Read(c));
        var interpreter = new ProgramInterpreter(program, 1, 1, ProgramInterpreter.None);
        interpreter.State[0] = 1;
        interpreter.Advance(steps - 1, [0]);
        // Without noise the step is √(ᾱ′/ᾱ).
        Assert.Equal(Math.Sqrt(noise.AlphaBars[0] / (double)noise.AlphaBars[1]), interpreter.State[0], 1e-6);
    }
}
