using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Pictures in FP32 from prompts, labels or nothing.</summary>
public sealed class Float32SamplerTests : IDisposable
{
    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void A_picture_is_that_of_its_parts()
    {
        using var pipeline = new TinyPipeline();
        ImportedModel model = PipelineImporter.Load(pipeline.Root);
        var options = new Float32SampleOptions { Count = 2, Seed = 3, Prompts = ["red", "a b"], NegativePrompt = "c", Guidance = 2 };
        using Float32Sampler sampler = Float32Sampler.Create(model, null, 2, null, _device);
        ImageBatch images = sampler.Draw(options);

        // Each part by itself: contexts, both halves of the guidance, DDIM as its paper has it, and the decoder.
        PromptContexts contexts = model.Text!.Encode(["red", "a b"], "c", _device);
        SolverProgram program = SchedulerPrograms.Create(ConfigurationReader.Open(pipeline.File("scheduler/scheduler_config.json")), 2);
        var solver = new ProgramInterpreter(program, 2, 8 * 8 * 4, ProgramInterpreter.Seeded(3));
        float[] x = new float[2 * 256], conditional = new float[512], unconditional = new float[512];
        using NetworkEvaluator network = new(model.Network, 2, model.TensorBytes([501, 1]), _device, 2);
        solver.Begin();
        for (int step = 0; step < 2; step++)
        {
            solver.Input(step, x);
            network.Give("encoder_hidden_states", contexts.Of("encoder_hidden_states", [0, 1]));
            network.Evaluate(step, InterpretedStep.Float32, x, [], conditional);
            network.Give("encoder_hidden_states", contexts.Of("encoder_hidden_states", [2, 2]));
            network.Evaluate(step, InterpretedStep.Float32, x, [], unconditional);
            solver.Advance(step, [.. conditional.Zip(unconditional, (c, u) => MathF.FusedMultiplyAdd(2, c, -1 * u))]);
        }

        float[] expected = NetworkRun.Evaluate(model.Decoder!, solver.State.ToArray(), 2);
        Assert.Equal((16, 16, 3), (images.Height, images.Width, images.Channels));
        Assert.Equal(expected, images.Pixels.ToArray());
        Assert.False(images[0].SequenceEqual(images[1]));
    }

    [Fact]
    public void A_picture_depends_on_its_own_prompt_and_index_alone()
    {
        using var pipeline = new TinyPipeline();
        using Float32Sampler sampler = Float32Sampler.Create(PipelineImporter.Load(pipeline.Root), "DPMSolverMultistepScheduler", 3, null, _device);
        ImageBatch all = sampler.Draw(new() { Count = 3, Prompts = ["a", "b", "a"], Guidance = 3 });
        ImageBatch one = sampler.Draw(new() { FirstImage = 1, Prompts = ["b"], Guidance = 3 });
        Assert.Equal(all[1].ToArray(), one[0].ToArray());
        Assert.False(all[0].SequenceEqual(all[2]));
    }

    [Fact]
    public void Models_with_classes_draw_what_their_samplers_draw()
    {
        using var interpreted = InterpretedSampler.Float32(DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10), 3, 1, device: _device, guidance: 2);
        using Float32Sampler sampler = Float32Sampler.Create(PipelineImporter.Load(ModelFolder.Source, nullLabel: 10), null, 3, null, _device);
        Assert.Equal(interpreted.Sample(new() { Count = 2, Seed = 5, Labels = [7, 1] }).Pixels.ToArray(), sampler.Draw(new() { Count = 2, Seed = 5, Labels = [7, 1], Guidance = 2 }).Pixels.ToArray());
    }

    /// <summary>Text encoder, steps and decoder in a session of samplers, FP32 as well.</summary>
    [Fact]
    public void Interpreted_pipelines_draw_the_same()
    {
        using var pipeline = new TinyPipeline();
        ImportedModel model = PipelineImporter.Load(pipeline.Root);
        using Float32Sampler sampler = Float32Sampler.Create(model, null, 3, null, _device);
        using var interpreted = InterpretedSampler.Float32(model, 3, 0, "ddim", _device, guidance: 2);
        Assert.Equal(
            sampler.Draw(new() { Count = 2, Seed = 5, Prompts = ["red", "a"], NegativePrompt = "b", Guidance = 2 }).Pixels.ToArray(),
            interpreted.Sample(new() { Count = 2, Seed = 5, Tokens = [model.Text!.Ids("red"), model.Text.Ids("a")], NegativeTokens = model.Text.Ids("b") }).Pixels.ToArray());
    }

    /// <summary>Multistep solvers too: their history is of the stored states, which are given at every step.</summary>
    [SharedTheory("golden/small-sd15")]
    [InlineData("dpm++", "DPMSolverMultistepScheduler")]
    [InlineData("euler", "EulerDiscreteScheduler")]
    [InlineData("ddim", "DDIMScheduler")]
    public void Stored_trajectories_of_the_reference_library_are_followed(string name, string scheduler)
    {
        string folder = SharedData.Golden("small-sd15");
        ImportedModel model = DiffusersImporter.Load(folder, tokens: 7);
        using var golden = new GoldenFile(Path.Combine(folder, "golden.safetensors"), 16, 16, 4);
        float[] start = golden.Images("traj.xT"), states = golden.Images($"traj.{name}.x"), context = golden.Rows("in.encoder_hidden_states", 7, 40);
        int length = start.Length, steps = states.Length / length;
        SolverProgram program = SchedulerPrograms.Create(ConfigurationReader.Open(Path.Combine(folder, "scheduler_config.json")), steps, scheduler);
        var solver = new ProgramInterpreter(program, 2, length / 2, (noise, picture, draw) => start.AsSpan(picture * noise.Length, noise.Length).CopyTo(noise));
        using IReferenceNetwork network = new InterpreterEngine(_device).Create(model, [.. program.Evaluations.Select(e => e.Timestep.Single)], 2);
        float[] x = new float[length], epsilon = new float[length];
        network.Give("encoder_hidden_states", context);
        solver.Begin();
        for (int step = 0; step < steps; step++)
        {
            if (step > 0) states.AsSpan((step - 1) * length, length).CopyTo(solver.State);
            solver.Input(step, x);
            network.Evaluate(step, x, [], epsilon);
            solver.Advance(step, epsilon);
            float[] expected = states[(step * length)..((step + 1) * length)], actual = solver.State.ToArray();
            Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max() / expected.Max(Math.Abs), 0, 1e-4);
        }
    }

    [Fact]
    public void What_does_not_fit_is_said()
    {
        using var pipeline = new TinyPipeline();
        using Float32Sampler text = Float32Sampler.Create(PipelineImporter.Load(pipeline.Root), null, 2, null, _device);
        using Float32Sampler digits = Float32Sampler.Create(PipelineImporter.Load(ModelFolder.Source), null, 2, null, _device);
        Refused(text, new(), "give one");
        Refused(text, new() { Prompts = ["a"], Labels = [1] }, "takes no labels");
        Refused(text, new() { Prompts = ["a"], NegativePrompt = "b" }, "Without guidance");
        Refused(text, new() { Prompts = ["a", "b"], Count = 3 }, "2 prompts for 3 pictures");
        Refused(text, new() { Prompts = ["a"], Guidance = float.NaN }, "not finite");
        Refused(digits, new() { Prompts = ["a"] }, "takes no prompts");
        Refused(digits, new(), "needs a label");
        Refused(digits, new() { Labels = [11] }, "outside 0 to 10");
        Refused(digits, new() { Labels = [1], Guidance = 2 }, "null label");
        using Float32Sampler alone = Float32Sampler.Create(PipelineImporter.Load(pipeline.File("unet")) with { Text = null }, null, 2, null, _device);
        Refused(alone, new() { Prompts = ["a"] }, "encoder_hidden_states");
        Assert.Contains(nameof(PipelineImporter), Assert.Throws<ArgumentException>(() => Float32Sampler.Create(DiffusersImporter.Load(pipeline.Root, tokens: 8), null, 2, null, _device)).Message);

        static void Refused(Float32Sampler sampler, Float32SampleOptions options, string because) =>
            Assert.Contains(because, Assert.Throws<ArgumentException>(() => sampler.Draw(options)).Message, StringComparison.Ordinal);
    }
}
