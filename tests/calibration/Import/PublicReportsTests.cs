using System.Text.Json;
using System.Text.Json.Nodes;
using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Folders that failed by public reports, each with the weights of a small reference model: they compute what the reference library computed.</summary>
public class PublicReportsTests
{
    private const string Usual = "diffusion_pytorch_model.safetensors";

    [SharedTheory("cases/ema-config-keys", "cases/metadata-null", "cases/orig-mod-prefix", "cases/scheduler-infinity", "cases/fp16-variant-only", "golden/small-attn")]
    [InlineData("ema-config-keys")]
    [InlineData("metadata-null")]
    [InlineData("orig-mod-prefix")]
    [InlineData("scheduler-infinity")]
    [InlineData("fp16-variant-only")]
    public void A_folder_as_people_have_it_computes_what_it_should(string name)
    {
        string golden = SharedData.Golden("small-attn");
        using TemporaryFolder folder = Copy(name);
        if (name == "fp16-variant-only") HalfPrecision.Write(Path.Combine(golden, Usual), folder.File("diffusion_pytorch_model.fp16.safetensors"));
        else Rewrite(Path.Combine(golden, Usual), folder.File(Usual), name == "orig-mod-prefix" ? "_orig_mod." : "", metadata: name != "metadata-null");

        ImportedModel model = DiffusersImporter.Load(folder.Root);
        Assert.Null(model.Pipeline!.Decoder);
        using var device = new CpuDevice(2);
        double allowance = GoldenVerification.Allowance(model.StoredType);
        Assert.Equal(name == "fp16-variant-only" ? DType.F16 : DType.F32, model.StoredType);
        var results = GoldenVerification.Run(model, Path.Combine(golden, "golden.safetensors"), device,
            GoldenVerification.DefaultTolerance * allowance, GoldenVerification.DefaultTrajectoryTolerance * allowance);
        Assert.Contains(results, r => r is { Name: "eps", Status: VerificationStatus.Passed });
        Assert.DoesNotContain(results, r => r.Status == VerificationStatus.Failed);
    }

    [SharedFact("cases/ldm-pipeline", "golden/small-attn")]
    public void A_latent_pipeline_is_not_calibrated()
    {
        using TemporaryFolder folder = Copy("ldm-pipeline");
        File.Copy(Path.Combine(SharedData.Golden("small-attn"), Usual), folder.File($"unet/{Usual}"));
        using var device = new CpuDevice(1);
        Assert.Equal("vqvae", Assert.Throws<UnsupportedModelException>(
            () => Calibrator.Run(DiffusersImporter.Load(folder.Root), new() { Steps = 3, Trajectories = 4 }, folder.File("out"), device)).Key);
        Assert.False(Directory.Exists(folder.File("out")));
        Assert.Equal("vqvae", Assert.Single(ModelInspection.Of(folder.Root).Refused).Key);
    }

    private static TemporaryFolder Copy(string name)
    {
        var folder = new TemporaryFolder();
        string source = Path.Combine(SharedData.Root, "cases", name);
        foreach (string file in Directory.EnumerateFiles(source, "*.json", SearchOption.AllDirectories))
        {
            string target = folder.File(Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.WriteAllBytes(target, File.ReadAllBytes(file));
        }

        return folder;
    }

    private static void Rewrite(string source, string target, string prefix, bool metadata)
    {
        byte[] bytes = File.ReadAllBytes(source);
        int length = (int)BitConverter.ToInt64(bytes);
        JsonObject before = JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject(), after = new() { ["__metadata__"] = metadata ? new JsonObject() : null };
        foreach (var (name, value) in before)
            if (name != "__metadata__") after[prefix + name] = value!.DeepClone();
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(after);
        File.WriteAllBytes(target, [.. BitConverter.GetBytes((long)json.Length), .. json, .. bytes.AsSpan(8 + length)]);
    }
}
