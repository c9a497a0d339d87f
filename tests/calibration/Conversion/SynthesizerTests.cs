using System.Globalization;
using System.Security.Cryptography;
using Specializer.Calibration.Conversion;
using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Models with random weights: their tensors are those of the published ones, their bytes depend on the seed alone, and networks of them compute finite numbers.</summary>
public class SynthesizerTests
{
    [SharedTheory("architectures")]
    [InlineData("cifar10-32", "unet", "ddpm-cifar10-32.unet")]
    [InlineData("celebahq-256", "unet", "ddpm-celebahq-256.unet")]
    [InlineData("ldm-celebahq-256", "unet", "ldm-celebahq-256.unet")]
    [InlineData("ldm-celebahq-256", "vqvae", "ldm-f4.vqvae")]
    [InlineData("ldm-cin256-v2", "unet", "ldm-cin256-v2.unet")]
    [InlineData("ldm-cin256-v2", "vqvae", "ldm-f4.vqvae")]
    [InlineData("sd15", "unet", "sd15.unet")]
    [InlineData("sd15", "vae", "sd15.vae")]
    public void Tensors_are_those_of_the_published_model(string model, string component, string list)
    {
        var published = File.ReadAllLines(Path.Combine(SharedData.Root, "architectures", list + ".txt")).Skip(2).Select(l => l.Split('\t')).Select(p => $"{p[0]} {p[1]}").Order(StringComparer.Ordinal);
        RecipeComponent own = PipelineRecipe.All.Single(r => r.Name == model).Components.Single(c => c.Folder == component);
        Assert.Equal(published, own.Tensors().Select(t => $"{t.Key} [{string.Join(", ", t.Value)}]").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("sd15", "text_encoder", 123_060_480)]
    [InlineData("sd21", "unet", 865_910_724)]
    [InlineData("sd21", "text_encoder", 340_387_840)]
    [InlineData("sdxl-turbo", "unet", 2_567_463_684)]
    [InlineData("sdxl-turbo", "text_encoder_2", 694_659_840)]
    public void Parameters_are_as_many_as_published(string model, string component, long parameters) =>
        Assert.Equal(parameters, PipelineRecipe.All.Single(r => r.Name == model).Components.Single(c => c.Folder == component).Tensors().Values.Sum(s => s.Aggregate(1L, (a, b) => a * b)));

    /// <summary>What converts a file writes its folder in the same way.</summary>
    [Fact]
    public void Too_little_room_is_said_before_the_work()
    {
        using var folder = new TemporaryFolder();
        long bytes = Synthesizer.Write(Tiny, folder.File("a"), 1);
        using var disk = new FaultyDisk(room: bytes - 1);
        var e = Assert.Throws<IOException>(() => Synthesizer.Write(Tiny, folder.File("b"), 1));
        Assert.Contains(FormattableString.Invariant($"{bytes:N0} bytes are to be written, and the disk has room for {bytes - 1:N0}."), e.Message, StringComparison.Ordinal);
        Assert.Equal([folder.File("a")], Directory.EnumerateFileSystemEntries(folder.Root));
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_finite_predictions()
    {
        using var folder = new TemporaryFolder();
        string[] hashes = [.. new (string Name, ulong Seed)[] { ("a", 1), ("b", 1), ("c", 2) }.Select(run =>
        {
            Synthesizer.Write(Tiny, folder.File(run.Name), run.Seed);
            return string.Concat(Directory.EnumerateFiles(folder.File(run.Name), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f)))));
        })];
        Assert.Equal(hashes[0], hashes[1]);
        Assert.NotEqual(hashes[0], hashes[2]);

        ImportedModel model = DiffusersImporter.Load(folder.File("a"), tokens: 3);
        Assert.Equal(DType.F16, model.StoredType);
        using var device = new CpuDevice(2);
        using IReferenceNetwork network = new InterpreterEngine(device).Create(model, [500], 1);
        network.Give(UNetImporter.Context, Enumerable.Range(0, 3 * 24).Select(i => (float)Math.Sin(i)).ToArray());
        var epsilon = new float[8 * 8 * 4];
        network.Evaluate(0, [.. epsilon.Select((_, i) => (float)Math.Cos(3 * i))], [], epsilon, null, default);
        Assert.All(epsilon, e => Assert.InRange(Math.Abs(e), 0, 100));
        Assert.InRange(epsilon.Average(e => e * e), 0.01, 100);
    }

    [Fact]
    public void A_folder_with_something_in_it_is_left_alone()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("mine.txt"), "mine");
        Assert.Contains("not empty", Assert.Throws<IOException>(() => Synthesizer.Write(Tiny, folder.Root, 0)).Message);
        Assert.Equal(["mine.txt"], Directory.EnumerateFileSystemEntries(folder.Root).Select(Path.GetFileName));
    }

    [Fact]
    public void Too_little_room_is_said_before_the_work_with_the_figure()
    {
        using var folder = new TemporaryFolder();
        var writer = new PipelineFolderWriter();
        writer.AddWeights("w.safetensors", [new("w", DType.F16, [1L << 30, 1L << 25], _ => throw new InvalidOperationException("Nothing is to be written."))]);
        Assert.Contains((1L << 56).ToString("N0", CultureInfo.InvariantCulture), Assert.Throws<IOException>(() => writer.Write(folder.File("model"))).Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Root));
    }

    private static PipelineRecipe Tiny { get; } = new("tiny", "StableDiffusionPipeline",
        [
            new("unet", """{"_class_name": "UNet2DConditionModel", "attention_head_dim": 2, "block_out_channels": [8, 16], "cross_attention_dim": 24, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "layers_per_block": 1, "norm_num_groups": 4, "sample_size": 8, "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]}"""),
        ], PipelineRecipe.Noise("DDIMScheduler", "epsilon"));
}
