using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Calibration.Tests;
using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>A network of nine input channels: state, mask and the masked picture's state, as Stable Diffusion's for inpainting. Calibrated, generated, compiled and run.</summary>
public sealed class InpaintingNetworkTests(InpaintingNetworkTests.Artefact artefact) : IClassFixture<InpaintingNetworkTests.Artefact>
{
    private static readonly bool[] s_mask = [.. Enumerable.Range(0, 256).Select(i => i % 16 < 9)];

    private SampleOptions Options(float guidance) => new()
    {
        Count = 7, Seed = 3, FirstImage = 1, Prompts = ["a", "cat", "b", "ab", "dog", "", "b a"], Guidance = guidance, Strength = 1, Mask = s_mask, Image = Picture(7, 7),
    };

    [Theory]
    [InlineData(1f)]
    [InlineData(2.5f)]
    public void The_compiled_sampler_gives_the_interpreters_bits_in_any_batch(float guidance)
    {
        SampleOptions options = Options(guidance);
        // All of a picture, none given; a part of it from noise, from the picture with noise, of another picture; a mask and no other.
        SampleOptions[] requests = [options with { Image = null, Mask = [] }, options, options with { Strength = 0.6 }, options with { Image = Picture(8, 1) }, options with { Mask = [.. s_mask.Select(m => !m)] }];
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(artefact.ManifestPath, artefact.Device);
        float[] expected = EveryBatch.Same(interpreted, artefact.Compiled, requests);
        Assert.Equal(7 * requests.Length, expected.Chunk(16 * 16 * 3).Select(picture => picture.Sum(p => (double)p)).Distinct().Count());
    }

    /// <summary>What is drawn anew does not matter, the rest does: the network reads nothing else of the picture when it begins with noise.</summary>
    [Fact]
    public void The_network_reads_what_is_kept()
    {
        SampleOptions options = Options(2) with { Count = 1, Prompts = ["a"], Image = Picture(7, 1) };
        float[] drawn = artefact.Compiled.Sample(options).Pixels.ToArray();
        Assert.Equal(drawn, artefact.Compiled.Sample(options with { Image = Changed(s_mask) }).Pixels.ToArray());
        Assert.NotEqual(drawn, artefact.Compiled.Sample(options with { Image = Changed([.. s_mask.Select(m => !m)]) }).Pixels.ToArray());

        ImageBatch Changed(bool[] where) => new([.. options.Image!.Pixels.ToArray().Select((p, i) => where[i / 3] ? -p : p)], 16, 16, 3, [default]);
    }

    /// <summary>The three maps and their convolutions together are the network as the file has it.</summary>
    [Fact]
    public void The_parts_of_the_first_convolution_are_the_whole()
    {
        ImportedModel whole = DiffusersImporter.Load(artefact.ModelFolder, tokens: 12), parts = artefact.Model;
        Assert.Equal((9, 4), (whole.Channels, parts.Channels));
        float[] x = Numbers(64 * 9, 1), context = Numbers(12 * 24, 2), one = new float[256], other = new float[256];
        using IReferenceNetwork a = new InterpreterEngine(artefact.Device).Create(whole, [500], 1), b = new InterpreterEngine(artefact.Device).Create(parts, [500], 1);
        a.Give("encoder_hidden_states", context);
        b.Give("encoder_hidden_states", context);
        b.Give("mask", Channels(x, 4..5));
        b.Give("masked_image", Channels(x, 5..9));
        a.Evaluate(0, x, [], one, null, default);
        b.Evaluate(0, Channels(x, 0..4), [], other, null, default);
        Assert.InRange(one.Zip(other, (p, q) => Math.Abs(p - q)).Max(), 0, 1e-5);
        Assert.Contains(one, v => Math.Abs(v) > 0.01);

        static float[] Channels(float[] map, Range channels) => [.. map.Chunk(9).SelectMany(pixel => pixel[channels])];

        static float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i * seed + seed))];
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        using var folder = new TemporaryFolder();
        Refused("--pictures", artefact.Options with { Pictures = [] });
        Refused("--image-to-image", artefact.Options with { ImageToImage = false });
        Refused("8 × 8 pixels", artefact.Options with { Pictures = [new(new byte[192], 8, 8, 3)] });
        Assert.Contains("--image", Assert.Throws<ArgumentException>(() =>
        {
            using Float32Sampler sampler = Float32Sampler.Create(artefact.Model, null, 2, null, artefact.Device);
            sampler.Draw(new() { Prompts = ["a"] });
        }).Message, StringComparison.Ordinal);
        Assert.Contains("The mask has 3 elements", Assert.Throws<ArgumentException>(() => artefact.Compiled.Sample(Options(1) with { Mask = new bool[3] })).Message, StringComparison.Ordinal);

        void Refused(string message, CalibrationOptions options) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>(() => Calibrator.Run(artefact.Model, options, folder.Root, artefact.Device)).Message, StringComparison.Ordinal);
    }

    private static ImageBatch Picture(int seed, int count) => ImageBatch.FromBytes(Bytes(seed, count), 16, 16, 3);

    private static byte[] Bytes(int seed, int count)
    {
        var bytes = new byte[count * 16 * 16 * 3];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>One calibration and compilation for these tests.</summary>
    public sealed class Artefact : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Artefact()
        {
            Synthesizer.Write(TinyInpainting.Recipe, ModelFolder, 3);
            Model = PipelineImporter.Load(ModelFolder, "tiny", encoder: true);
            ManifestPath = Calibrator.Run(Model, Options, _folder.File("out"), Device, 2).ManifestPath;
            Compiled = CompiledArtifact.Load(ManifestPath, Device, out _);
        }

        public CalibrationOptions Options { get; } = new()
        {
            Steps = 3, Trajectories = 16, Prompts = ["a", "cat", "b", "dog", "ab"], Pictures = [.. Enumerable.Range(0, 7).Select(seed => new PngPicture(Bytes(seed, 1), 16, 16, 3))],
            ImageToImage = true, Guidance = 2, GuidanceMinimum = 1, GuidanceMaximum = 3,
        };

        public CpuDevice Device { get; } = new(2);

        public string ModelFolder => _folder.File("model");

        public ImportedModel Model { get; }

        public string ManifestPath { get; }

        public Sampler Compiled { get; }

        public void Dispose()
        {
            Compiled.Dispose();
            Device.Dispose();
            _folder.Dispose();
        }
    }
}
