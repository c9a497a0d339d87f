using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>Runs that begin with a picture at a step.</summary>
public class SolverStartTests
{
    private const int Steps = 6;

    private const float Original = 0.75f;

    /// <summary>A network that always sees the same original leads every run there, wherever it begins: a prediction that nothing wrote would lead elsewhere.</summary>
    /// <param name="family">Of the scheduler.</param>
    /// <param name="settings">Of its file.</param>
    /// <param name="starts">Steps at which runs can begin.</param>
    /// <param name="own">Most evaluations that such a run has of its own.</param>
    [Theory]
    [InlineData("ddim", "", 6, 0)]
    [InlineData("ddpm", "", 6, 0)]
    [InlineData("euler", "", 6, 0)]
    [InlineData("euler-ancestral", "", 6, 0)]
    [InlineData("heun", "", 6, 0)]
    [InlineData("kdpm2", "", 6, 0)]
    [InlineData("lms", "", 6, 3)]
    [InlineData("pndm", ", \"skip_prk_steps\": true, \"set_alpha_to_one\": true", 6, 3)]
    [InlineData("dpmsolver++", "", 6, 1)]
    [InlineData("dpmsolver++", ", \"solver_order\": 3, \"use_karras_sigmas\": true", 6, 2)]
    [InlineData("sde-dpmsolver++", "", 6, 1)]
    [InlineData("dpmsolver++-singlestep", "", 4, 0)]
    [InlineData("unipc", ", \"solver_order\": 3", 6, 3)]
    [InlineData("lcm", ", \"original_inference_steps\": 50", 6, 0)]
    public void A_run_ends_at_the_original_wherever_it_begins(string family, string settings, int starts, int own)
    {
        SolverProgram program = SchedulerFile.Read($$"""{"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "clip_sample": false{{settings}}}""",
            json => SchedulerPrograms.Run(json, SchedulerFamily.Find(family, json)!, Steps, null, pictures: true).Program);
        Assert.Null(SolverProgramValidator.FirstFault(program));
        int[] at = [.. Enumerable.Range(0, program.Evaluations.Count).Where(e => program.Evaluations[e].Start is not null)];
        Assert.Equal(starts, at.Length);
        Assert.Equal(own, at.Max(e => program.Evaluations[e].Start!.First.Count));
        foreach (int start in at) Assert.Equal(Original, Run(program, start), 0.03f);
    }

    /// <summary>Runs of consistency models, too, take the last of their timesteps. diffusers' own pipeline for these instead spreads m steps over the first ⌊original·strength⌋ timesteps of the distillation;
    /// where those and m/strength are whole, they are the timesteps that a run of m/strength steps ends with.</summary>
    [Theory]
    [InlineData("lcm", 8, 0.5, new[] { 499, 379, 259, 139 })]
    [InlineData("lcm", 5, 0.8, new[] { 799, 599, 399, 199 })]
    [InlineData("lcm", 10, 0.3, new[] { 299, 199, 99 })]
    [InlineData("lcm", 4, 1, new[] { 999, 759, 499, 259 })]
    [InlineData("tcd", 8, 0.5, new[] { 499, 379, 259, 139 })]
    public void Consistency_models_begin_at_a_timestep_of_the_whole_run(string family, int steps, double strength, int[] expected)
    {
        const int Distilled = 50, Apart = 1000 / Distilled;
        SolverProgram program = SchedulerFile.Read("""{"_class_name": "LCMScheduler", "original_inference_steps": 50}""", json => SchedulerPrograms.Run(json, SchedulerFamily.Find(family, json)!, steps, null, pictures: true).Program);
        Assert.All(program.Evaluations, e => Assert.NotNull(e.Start));
        int own = (int)(steps * strength), among = (int)(Distilled * strength);
        Evaluation[] run = [.. program.Evaluations.TakeLast(own)];
        Assert.Equal(expected, run.Select(e => (int)e.Timestep.Value));
        Assert.Equal(expected, Enumerable.Range(0, own).Select(i => (among - i * among / own) * Apart - 1));
        double sigma = Sigma(expected[0]);
        Assert.Equal(Math.Sqrt(1 - sigma * sigma), run[0].Start!.Known.Value, 1e-6);
        Assert.Equal(sigma, run[0].Start!.Noise.Value, 1e-6);
    }

    [Fact]
    public void Who_asks_for_none_has_the_program_alone()
    {
        SolverProgram program = SchedulerFile.Read("""{"_class_name": "DDIMScheduler"}""", json => SchedulerPrograms.Run(json, SchedulerFamily.Find("dpmsolver++", json)!, Steps, null).Program);
        Assert.False(program.TakesPictures);
        Assert.All(Enumerable.Range(0, Steps), e => Assert.Empty(program.Early(e)));
    }

    /// <summary>The mean over pictures of noise of their own, of what a run leaves that begins with the original at an evaluation.</summary>
    private static float Run(SolverProgram program, int start)
    {
        SolverStart level = program.Evaluations[start].Start!;
        Evaluation[] evaluations = [.. program.Evaluations.Skip(start).Select((e, age) => age < level.First.Count ? e with { Statements = level.First[age] } : e)];
        var alone = new SolverProgram(new([new DrawStatement(Register.Noise, -1), new LinearStatement(Register.State, new([new(Register.Known, level.Known), new(Register.Noise, level.Noise)]))]), new(evaluations), default);
        var run = new ProgramInterpreter(alone, pictures: 1, elements: 256, ProgramInterpreter.Seeded(5));
        run[Register.Known].Fill(Original);
        run.Begin();
        float[] input = new float[256], prediction = new float[256];
        for (int e = 0; e < evaluations.Length; e++)
        {
            run.Input(e, input);
            // What the network reads is α·x₀ + σ·ε with α² + σ² = 1, but within a step of a solver that keeps x₀ + ρε, whose ρ its scale tells.
            double scale = (float)evaluations[e].InputScale, sigma = evaluations[e].Start is { } known ? scale * known.Noise.Value : scale < 1 ? Math.Sqrt(1 - scale * scale) : Sigma(evaluations[e].Timestep.Value);
            double alpha = Math.Sqrt(1 - sigma * sigma);
            for (int i = 0; i < 256; i++) prediction[i] = (float)((input[i] - alpha * Original) / sigma);
            run.Advance(e, prediction);
        }

        return run.State.ToArray().Average();
    }

    private static double Sigma(double timestep)
    {
        TrainingNoise noise = SchedulerFile.Read("""{"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}""", json => TrainingNoise.Read(json));
        return Math.Sqrt(1 - noise.AlphaBarAt(timestep));
    }
}
