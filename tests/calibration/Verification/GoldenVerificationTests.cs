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

    [SharedTheory("golden/small-attn", "golden/small-class")]
    [InlineData("small-attn", "eps", "ddim", "ddim_eta1", "ddpm")]
    [InlineData("small-class", "eps", "ddim", "ddpm")]
    public void Models_equal_the_reference_library(string folder, params string[] passed)
    {
        string golden = SharedData.Golden(folder);
        using var device = new CpuDevice(2);
        Check(GoldenVerification.Run(DiffusersImporter.Load(golden), Path.Combine(golden, "golden.safetensors"), device), passed);
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
