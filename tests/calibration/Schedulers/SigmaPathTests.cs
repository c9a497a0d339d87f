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

    /// <summary>Exponential integrators span all that was trained, whatever the spacing, and cut the timesteps off, where Karras's are rounded. The last of them, where the level is that of the first timestep, has
    /// its rounding's luck.</summary>
    [Theory]
    [InlineData("DPMSolverMultistepScheduler")]
    [InlineData("DPMSolverSinglestepScheduler")]
    [InlineData("UniPCMultistepScheduler")]
    public void ExponentialIntegratorsCutTimestepsOff(string className)
    {
        const string Json = """{"use_exponential_sigmas": true, "timestep_spacing": "trailing"}""";
        SolverProgram program = SchedulerFile.Program(className, Json, Steps);
        TrainingNoise noise = SchedulerFile.Read(Json, c => TrainingNoise.Read(c));
        double most = Math.Log(noise.Ratios[^1]), least = Math.Log(noise.Ratios[0]);
        double[] exact = [.. Enumerable.Range(1, Steps - 2).Select(i => Timestep(noise, Math.Exp(most + i * (least - most) / (Steps - 1))))];
        Assert.Equal(noise.Timesteps - 1, program.Evaluations[0].Timestep.Value, 1.0);
        Assert.Equal(exact.Select(Math.Floor), program.Evaluations.Skip(1).SkipLast(1).Select(e => e.Timestep.Value));
        Assert.Contains(exact, t => Math.Round(t) != Math.Floor(t));
    }

    /// <summary>DEIS ends at its last level, so that with exponential levels, too, its last step has no length.</summary>
    [Fact]
    public void ExponentialLevelsLeaveDeisAStepOfNoLength() => Assert.Throws<ArgumentException>(() => SchedulerFile.Read("""{"use_exponential_sigmas": true}""",
        file => SchedulerPrograms.Run(file, SchedulerFamily.Find("deis", file)!, Steps, eta: null)));

    /// <summary>log_linear: ln ρ even over all that was trained, one level more than steps. Karras's and exponential levels then lie between the same ends, whatever the spacing.</summary>
    [Theory]
    [InlineData("", 1, Steps)]
    [InlineData(", \"use_karras_sigmas\": true", 7, Steps - 1)]
    [InlineData(", \"use_exponential_sigmas\": true", 1, Steps - 1)]
    public void LogLinearLevelsOfEulerSpanAllThatWasTrained(string levels, double rho, int parts)
    {
        string json = $$"""{"interpolation_type": "log_linear", "timestep_spacing": "leading"{{levels}}}""";
        SolverProgram program = SchedulerFile.Program("EulerDiscreteScheduler", json, Steps);
        TrainingNoise noise = SchedulerFile.Read(json, c => TrainingNoise.Read(c));
        double most = noise.Ratios[^1], least = noise.Ratios[0];
        for (int i = 0; i < Steps; i++)
        {
            double share = i / (double)parts, scale = program.Evaluations[i].InputScale;
            double ratio = rho == 1 ? Math.Pow(most, 1 - share) * Math.Pow(least, share) : Math.Pow((1 - share) * Math.Pow(most, 1 / rho) + share * Math.Pow(least, 1 / rho), rho);
            Assert.Equal(1 / Math.Sqrt(ratio * ratio + 1), scale, 1e-6 * scale);
            // Even levels are told by the timesteps of the spacing, all others by where they lie.
            Assert.Equal(levels == "" ? (Steps - 1 - i) * (1000 / Steps) : Timestep(noise, ratio), program.Evaluations[i].Timestep.Value, 1e-2);
        }
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

    /// <summary>Where a level lies among the trained ones, by their logarithms.</summary>
    private static double Timestep(TrainingNoise noise, double ratio)
    {
        int above = Array.FindIndex(noise.Ratios, r => r > ratio);
        if (above <= 0) return above < 0 ? noise.Timesteps - 1 : 0;
        double low = Math.Log(noise.Ratios[above - 1]), high = Math.Log(noise.Ratios[above]);
        return above - 1 + (Math.Log(ratio) - low) / (high - low);
    }
}
