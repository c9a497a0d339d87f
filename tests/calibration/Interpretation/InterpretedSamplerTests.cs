using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class InterpretedSamplerTests
{
    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);

    [Fact]
    public void A_batch_holds_the_images_that_are_drawn_alone()
    {
        using var device = new CpuDevice(2);
        using InterpretedSampler sampler = InterpretedSampler.Float32(Model, 4, eta: 1, device: device);
        ImageBatch all = sampler.Sample(new() { Count = 3, Seed = 5, Labels = [1, 2, 3] });
        using SamplerSession session = sampler.CreateSession(1);
        ImageBatch alone = session.Sample(new() { Count = 1, Seed = 5, FirstImage = 2, Labels = [3] });
        Assert.Equal(all[2].ToArray(), alone[0].ToArray());
        Assert.All(all.Pixels.ToArray(), p => Assert.True(float.IsFinite(p)));
    }

    [Fact]
    public void Steps_are_described_in_the_order_of_the_schedule()
    {
        using var device = new CpuDevice(1);
        using InterpretedSampler sampler = InterpretedSampler.Float32(Model, 5, eta: 0, device: device);
        Assert.Equal([800, 600, 400, 200, 0], sampler.Description.Steps.Select(s => s.Timestep));
        Assert.All(sampler.Description.Steps, s => Assert.Equal(0, s.Sigma));
        using InterpretedSampler ddpm = InterpretedSampler.Float32(Model, 5, eta: 1, device: device);
        Assert.All(ddpm.Description.Steps.Take(4), s => Assert.True(s.Sigma > 0));
    }

    [Fact]
    public void Guidance_combines_both_halves()
    {
        using var device = new CpuDevice(2);
        using InterpretedSampler sampler = InterpretedSampler.Float32(Model, 3, eta: 0, device: device, guidance: 2);
        Assert.Equal(2, sampler.Description.Guidance);
        float[] guided = sampler.Sample(new() { Count = 2, Seed = 1, Labels = [4, 10] }).Pixels.ToArray();
        float[] plain = sampler.Sample(new() { Count = 2, Seed = 1, Labels = [4, 10], Guidance = 1 }).Pixels.ToArray();
        Assert.NotEqual(plain[..784], guided[..784]);
        // Where the label is "none" both halves are equal, and (1−g)·ε + g·ε is ε but for rounding.
        for (int i = 784; i < 1568; i++) Assert.Equal(plain[i], guided[i], 1e-4f);
    }

    [Fact]
    public void Guidance_without_a_null_label_is_refused()
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source);
        Assert.Throws<ArgumentException>(() => InterpretedSampler.Float32(model, 3, eta: 0, guidance: 2));
    }

    [Fact]
    public void An_artifact_of_the_FP32_network_draws_the_FP32_networks_images()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        using InterpretedSampler expected = InterpretedSampler.Float32(Model, 2, eta: 1, scheduler: "ddim", device);
        SolverProgram program = Model.Scheduler.Run("ddim", 2, 1).Program.Rounded();
        CalibrationManifest manifest = TestManifest.Create("mnist", Model.Network);
        manifest = manifest with
        {
            Solver = new(program.Begin, program.End),
            Steps = new([.. manifest.Steps.Select((s, i) => s with
            {
                Evaluation = program.Evaluations[i], CalibratedSigma = program.Evaluations[i].Sigma, Gain = new("1"), Offset = new([new("0")]),
            })]),
        };
        var weights = new Specializer.Formats.SafetensorsWriter();
        var tensors = Model.Tensors([.. program.Evaluations.Select(e => e.Timestep.Single)]);
        foreach (var tensor in Packing.WeightTensors.Of(Model.Network, 2).Values) weights.Add(tensor.Name, tensors[tensor.Name], [.. tensor.Shape]);
        string path = ArtifactWriter.Write(folder.Root, manifest, weights).Path;

        using InterpretedSampler actual = InterpretedSampler.FromArtifact(path, device);
        Assert.Equal(expected.Sample(new() { Count = 2, Seed = 9, Labels = [1, 2] }).Pixels.ToArray(), actual.Sample(new() { Count = 2, Seed = 9, Labels = [1, 2] }).Pixels.ToArray());
    }

    [Fact]
    public void A_quantized_artifact_runs_and_threads_do_not_change_a_bit()
    {
        using var folder = new TemporaryFolder();
        string path = ArtifactWriter.Write(folder.Root, TestManifest.Quantized(), ArtifactTests.Weights(TestManifest.Quantized())).Path;
        float[][] drawn = [.. ((int[])[1, 3]).Select(threads =>
        {
            using var device = new CpuDevice(threads);
            using InterpretedSampler sampler = InterpretedSampler.FromArtifact(path, device);
            return sampler.Sample(new() { Count = 5, Seed = 3 }).Pixels.ToArray();
        })];
        Assert.Equal(drawn[0], drawn[1]);
        Assert.True(drawn[0].Distinct().Count() > 100);
    }
}
