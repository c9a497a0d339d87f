using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class GoldenVerificationTests
{
    [Fact]
    public void The_repositorys_model_equals_the_reference_library()
    {
        using var device = new CpuDevice(2);
        Check(GoldenVerification.Run(DiffusersImporter.Load(ModelFolder.Source), Path.Combine(ModelFolder.Source, "golden.safetensors"), device),
            "eps", "ddim", "ddim_eta1");
    }

    [SharedTheory("golden/small-attn", "golden/small-class", "golden/small-odd", "golden/small-cond", "golden/small-sd15", "golden/small-sdxl")]
    [InlineData("small-attn", "eps", "ddim", "ddim_eta1", "ddpm", "dpm++", "euler")]
    [InlineData("small-class", "eps", "ddim", "ddpm")]
    [InlineData("small-odd", "eps", "ddpm")]
    [InlineData("small-cond", "eps", "ddim", "ddim_eta1", "ddpm", "dpm++", "euler")]
    [InlineData("small-sd15", "eps", "ddim", "ddim_eta1", "ddpm", "dpm++", "euler")]
    [InlineData("small-sdxl", "eps", "ddim")]
    public void Models_equal_the_reference_library(string folder, params string[] passed)
    {
        string golden = SharedData.Golden(folder);
        using var device = new CpuDevice(2);
        Check(GoldenVerification.Run(DiffusersImporter.Load(golden, tokens: GoldenVerification.Tokens(Path.Combine(golden, "golden.safetensors")) ?? 1), Path.Combine(golden, "golden.safetensors"), device), passed);
    }

    /// <summary>A scheduler may evaluate the network more than once in a step; names that are none, and numbers of evaluations that none has, are said.</summary>
    [Fact]
    public void A_trajectory_is_that_of_the_scheduler_it_is_named_after()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source);
        Manifest.SolverProgram program = model.Scheduler.Run("heun", 3, null).Program;
        int evaluations = program.Evaluations.Count, size = 28 * 28;
        float[] start = new float[size], states = new float[evaluations * size], input = new float[size], epsilon = new float[size];
        ProgramInterpreter.Seeded(3)(start, 0, -1);
        float[] timesteps = [.. program.Evaluations.Select(e => e.Timestep.Single)];
        using (var network = new NetworkEvaluator(model.Network, evaluations, model.TensorBytes(timesteps), device, 1))
        {
            var solver = new ProgramInterpreter(program, 1, size, (to, _, _) => start.CopyTo(to));
            solver.Begin();
            for (int i = 0; i < evaluations; i++)
            {
                solver.Input(i, input);
                network.Evaluate(i, InterpretedStep.Float32, input, [7], epsilon);
                solver.Advance(i, epsilon);
                solver.State.CopyTo(states.AsSpan(i * size));
            }
        }

        var writer = new SafetensorsWriter();
        writer.Add("in.x", start, 1, 1, 28, 28);
        writer.Add("in.t", new long[] { 100 }, 1);
        writer.Add("in.class_labels", new long[] { 7 }, 1);
        writer.Add("out.eps", start, 1, 1, 28, 28);
        writer.Add("traj.xT", start, 1, 1, 28, 28);
        Add("heun", evaluations);
        Add("heun_", evaluations);
        Add("kdpm2", 4);
        writer.Write(folder.File("golden.safetensors"));
        IReadOnlyList<VerificationResult> results = GoldenVerification.Run(model, folder.File("golden.safetensors"), device);
        Assert.Equal([("eps", VerificationStatus.Failed), ("heun", VerificationStatus.Passed), ("heun_", VerificationStatus.Skipped), ("kdpm2", VerificationStatus.Skipped)],
            results.Select(r => (r.Name, r.Status)));
        Assert.Equal(evaluations, results[1].StepErrors.Count);
        Assert.Contains("known are ddpm, ddim, euler", results[2].Note);
        Assert.Contains("4 times", results[3].Note);

        void Add(string name, int count)
        {
            writer.Add($"traj.{name}.x", states.AsMemory(0, count * size), count, 1, 1, 28, 28);
            writer.Add($"traj.{name}.timesteps", timesteps.AsMemory(0, count), count);
        }
    }

    /// <summary>A scheduler may ask for a variance that the network does not predict.</summary>
    [Fact]
    public void A_trajectory_that_needs_another_network_is_not_run()
    {
        using var folder = new ModelFolder();
        string golden = Path.Combine(folder.Root, "golden.safetensors");
        File.WriteAllText(Path.Combine(folder.Root, "scheduler_config.json"), """{"_class_name": "DDPMScheduler", "variance_type": "learned_range"}""");
        float[] images = new float[2 * 28 * 28];
        var writer = new SafetensorsWriter();
        foreach (string name in (string[])["in.x", "out.eps", "traj.xT"]) writer.Add(name, images.AsMemory(0, 28 * 28), 1, 1, 28, 28);
        writer.Add("in.t", new long[] { 100 }, 1);
        writer.Add("in.class_labels", new long[] { 7 }, 1);
        writer.Add("traj.ddpm.x", images, 2, 1, 1, 28, 28);
        writer.Write(golden);
        using var device = new CpuDevice(1);
        VerificationResult result = GoldenVerification.Run(DiffusersImporter.Load(folder.Root), golden, device)[1];
        Assert.Equal(("ddpm", VerificationStatus.Skipped), (result.Name, result.Status));
        Assert.Contains("one that predicts a variance has 2", result.Note);
    }

    [Fact]
    public void One_wrong_weight_shows()
    {
        using ModelFolder folder = new ModelFolder().WithTensors((name, shape, data) =>
        {
            if (name == "up_blocks.1.resnets.0.conv_shortcut.weight") data[0] += 0.05f;
            return (shape, data);
        });
        using var device = new CpuDevice(2);
        var results = GoldenVerification.Run(DiffusersImporter.Load(folder.Root), Path.Combine(ModelFolder.Source, "golden.safetensors"), device);
        Assert.Contains(results, r => r is { Name: "eps", Status: VerificationStatus.Failed });
    }

    [Fact]
    public void Another_models_file_is_refused()
    {
        using ModelFolder folder = new ModelFolder().With("sample_size", "32");
        using var device = new CpuDevice(1);
        var e = Assert.Throws<SafetensorsException>(() =>
            GoldenVerification.Run(DiffusersImporter.Load(folder.Root), Path.Combine(ModelFolder.Source, "golden.safetensors"), device));
        Assert.Equal("in.x", e.Tensor);
    }

    [Fact]
    public void A_file_without_images_passes_nothing()
    {
        using var folder = new TemporaryFolder();
        var writer = new SafetensorsWriter();
        foreach (string name in (string[])["in.x", "out.eps", "traj.x"]) writer.Add(name, new float[0], 0, 1, 28, 28);
        writer.Add("in.t", new long[0], 0);
        writer.Add("in.class_labels", new long[0], 0);
        writer.Write(folder.File("empty.safetensors"));
        using var device = new CpuDevice(1);
        var e = Assert.Throws<SafetensorsException>(() => GoldenVerification.Run(DiffusersImporter.Load(ModelFolder.Source), folder.File("empty.safetensors"), device));
        Assert.Equal(("in.x", "holds no image"), (e.Tensor, e.Cause));
    }

    private static void Check(IReadOnlyList<VerificationResult> results, params string[] passed)
    {
        Assert.All(results, r => Assert.True(r.Status != VerificationStatus.Failed, $"{r.Name}: {r.Error:E2}, tolerance {r.Tolerance:E0} {r.Note}"));
        Assert.Equal(passed.Order(), results.Where(r => r.Status == VerificationStatus.Passed).Select(r => r.Name).Order());
    }
}
