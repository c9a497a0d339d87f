using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Calibration.Tests;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>Pictures that are decoded tile by tile: calibrated, generated, compiled and run beside the whole.</summary>
public sealed class TiledDecodingTests : IDisposable
{
    private const string Tiny = """{"_class_name": "AutoencoderTiny", "latent_channels": 3, "encoder_block_out_channels": [16, 16], "decoder_block_out_channels": [16, 16], "num_encoder_blocks": [1, 1], "num_decoder_blocks": [1, 1]}""";

    private const string Kl = """{"_class_name": "AutoencoderKL", "block_out_channels": [32, 64], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "latent_channels": 3, "layers_per_block": 1, "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}""";

    // The pipeline's own is a VQModel.
    private static readonly Dictionary<string, PipelineRecipe> s_recipes = new(StringComparer.Ordinal) { ["VQModel"] = TinyLatentDiffusion.Recipe, ["AutoencoderKL"] = With(Kl), ["AutoencoderTiny"] = With(Tiny) };

    // Latents of 40×26: tiles of 24×24 share 16, and the last in each direction more.
    private static readonly (int Height, int Width) s_size = (80, 52);

    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(2);

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    /// <summary>Without norms a pixel depends on its surroundings alone: tiles that share enough are the whole, in floating point and in integers.</summary>
    [Fact]
    public void Without_norms_every_bit_is_that_of_the_whole()
    {
        string whole = Calibrate("AutoencoderTiny", 0), tiled = Calibrate("AutoencoderTiny", 48);
        using CalibrationArtifact a = CalibrationArtifact.Open(whole), b = CalibrationArtifact.Open(tiled);
        Assert.Equal((0, 16), (a.Manifest.DecoderOverlap, b.Manifest.DecoderOverlap));
        Assert.Equal(a.Manifest.Decoder!.Scales, b.Manifest.Decoder!.Scales);
        float[] expected = Same(whole), actual = Same(tiled);
        Assert.True(expected.Distinct().Count() > expected.Length / 4, "The pictures are nearly constant: the comparison says little.");
        Assert.Equal(expected, actual);
        // 24×24 of 40×26 elements.
        Assert.InRange((double)new BufferPlan(b.Manifest.Decoder.Network).BytesPerImage / new BufferPlan(a.Manifest.Decoder.Network).BytesPerImage, 0.5, 0.6);
    }

    /// <summary>Norms see a tile each. What comes of it is near the whole, and the same from generated and interpreted.</summary>
    [Theory]
    [InlineData("VQModel")]
    [InlineData("AutoencoderKL")]
    public void With_norms_pictures_are_near_the_whole(string decoder)
    {
        string whole = Calibrate(decoder, 0), tiled = Calibrate(decoder, 32);
        float[] expected = Same(whole), actual = Same(tiled);
        Assert.NotEqual(expected, actual);
        double error = Math.Sqrt(expected.Zip(actual, (e, a) => Math.Pow(e - a, 2)).Sum() / expected.Sum(e => e * e));
        Assert.True(error < 0.25, $"{error:F2} of the picture");
    }

    /// <summary>Smaller pictures than above: two tiles in each direction.</summary>
    [Theory]
    [InlineData("VQModel", 32, 36, 40, 1f, 2f)]
    [InlineData("AutoencoderTiny", 40, 44, 44, 1f)]
    public void In_any_batch(string decoder, int tile, int height, int width, params float[] guidances)
    {
        string manifest = Calibrate(decoder, tile, (height, width));
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, _device);
        using Sampler compiled = CompiledArtifact.Load(manifest, _device, out _);
        foreach (float guidance in guidances)
            EveryBatch.Same(interpreted, compiled, new SampleOptions { Count = 7, Seed = 9, Labels = [0, 1, 2, 3, 4, 5, 0], Guidance = guidance });
    }

    [Theory]
    [InlineData(47, "multiple of 2")]
    [InlineData(96, "all of the picture")]
    [InlineData(32, "Use 64 or more")]
    public void Tiles_that_cannot_be_are_refused_before_the_work(int side, string message)
    {
        Synthesizer.Write(s_recipes["AutoencoderTiny"], _folder.File("model"), 3);
        ImportedModel model = PipelineImporter.Load(_folder.File("model"), "tiny", size: s_size);
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => Calibrator.Run(model, new() { Steps = 2, Trajectories = 1, DecoderTile = side }, _folder.File("out"), _device)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("out")));
    }

    private static PipelineRecipe With(string decoder) => TinyLatentDiffusion.Recipe with { Components = [new("vae", decoder), .. TinyLatentDiffusion.Recipe.Components.Where(c => c.Folder != "vqvae")] };

    private string Calibrate(string decoder, int tile, (int Height, int Width)? size = null)
    {
        if (!Directory.Exists(_folder.File("model"))) Synthesizer.Write(s_recipes[decoder], _folder.File("model"), 3);
        ImportedModel model = PipelineImporter.Load(_folder.File("model"), "tiny", size: size ?? s_size);
        var options = new CalibrationOptions { Steps = 2, Trajectories = 2, Guidance = 2, GuidanceMaximum = 3, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest, DecoderTile = tile };
        return Calibrator.Run(model, options, _folder.File($"out{tile}"), _device, 2).ManifestPath;
    }

    /// <summary>The pictures of an artefact, after generated and interpreted sampler agreed on them.</summary>
    private float[] Same(string manifest)
    {
        var asked = new SampleOptions { Count = 3, Seed = 9, Labels = [0, 1, 2] };
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, _device);
        using Sampler compiled = CompiledArtifact.Load(manifest, _device, out _);
        using SamplerSession session = compiled.CreateSession(2), other = interpreted.CreateSession(6);
        ImageBatch drawn = session.Sample(asked);
        Assert.Equal(s_size, (drawn.Height, drawn.Width));
        Assert.All(drawn.Pixels.ToArray(), p => Assert.True(float.IsFinite(p)));
        Assert.Equal(other.Sample(asked).Pixels.ToArray(), drawn.Pixels.ToArray());
        return drawn.Pixels.ToArray();
    }
}
