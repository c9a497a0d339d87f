using Microsoft.Extensions.AI;
using Specializer.Calibration;
using Specializer.Calibration.Tests;
using Specializer.Extensions.AI;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>Text encoder, network with cross attention and decoder in one sampler: calibrated, generated, compiled and run.</summary>
public sealed class ConditionalSamplerTests(ConditionalSamplerTests.Artefact artefact) : IClassFixture<ConditionalSamplerTests.Artefact>
{
    /// <summary>Pictures of several prompts, and the one that guidance leads away from.</summary>
    private SampleOptions Options(float guidance) => new() { Count = 7, Seed = 3, FirstImage = 2, Guidance = guidance, Tokens = [.. "abcdefg".Select(c => artefact.Ids($"red {c}"))], NegativeTokens = artefact.Ids("b") };

    [Theory]
    [InlineData(1f)]
    [InlineData(2.5f)]
    public void The_compiled_sampler_gives_the_interpreters_bits_in_any_batch(float guidance)
    {
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(artefact.ManifestPath, artefact.Device);
        Assert.Equal(7 * 16 * 16 * 3, EveryBatch.Same(interpreted, artefact.Compiled, Options(guidance)).Length);
    }

    [Fact]
    public void Encoder_and_keys_are_printed_into_Prepare_and_the_decoder_into_Decode()
    {
        string prepare = Method("Prepare"), evaluate = Method("Evaluate"), decode = Method("Decode");
        Assert.Contains("LookUp", prepare, StringComparison.Ordinal);
        Assert.Contains("ToKv", prepare, StringComparison.Ordinal);
        Assert.Contains("AttendCross", evaluate, StringComparison.Ordinal);
        Assert.DoesNotContain("ToKv(", evaluate.Replace("ToKv,", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("Solve", prepare + decode, StringComparison.Ordinal);
        Assert.Contains("Weights.Decoder", decode, StringComparison.Ordinal);

        string Method(string name)
        {
            int start = artefact.Source.IndexOf($" void {name}", StringComparison.Ordinal);
            return artefact.Source[start..artefact.Source.IndexOf("\n    }", start, StringComparison.Ordinal)];
        }
    }

    /// <summary>The encoder's states, mixed with noise, in place of noise alone; and what a mask keeps of them.</summary>
    [Theory]
    [InlineData(1f)]
    [InlineData(2.5f)]
    public void Runs_that_begin_with_pictures_give_the_interpreters_bits_in_any_batch(float guidance)
    {
        ImageBatch pictures = artefact.Compiled.Sample(Options(1) with { Seed = 8 });
        SampleOptions image = Options(guidance) with { Image = pictures, Strength = 0.7 }, masked = image with { Mask = [.. Enumerable.Range(0, 256).Select(i => i < 128)], Strength = 1 };
        SampleOptions[] requests = [Options(guidance), image, masked, masked with { Strength = 0.4 }];
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(artefact.ManifestPath, artefact.Device);
        float[] expected = EveryBatch.Same(interpreted, artefact.Compiled, requests);
        Assert.Equal(4, expected.Chunk(7 * 16 * 16 * 3).Select(run => run.Sum()).Distinct().Count());
    }

    /// <summary>With everything kept, what comes out is what decoder and encoder make of the picture.</summary>
    [Fact]
    public void A_mask_keeps_the_picture_as_the_decoder_shows_it()
    {
        ImageBatch picture = artefact.Compiled.Sample(new() { Seed = 8, Prompts = ["red"] });
        SampleOptions all = new() { Image = picture, Mask = new bool[256], Prompts = ["a"], Strength = 0.7 };
        float[] kept = artefact.Compiled.Sample(all).Pixels.ToArray();
        Assert.Equal(kept, artefact.Compiled.Sample(all with { Prompts = ["b"], Seed = 3, Strength = 0.4, Guidance = 2 }).Pixels.ToArray());
        using InterpretedSampler float32 = InterpretedSampler.Float32(artefact.Model, 3, 0, device: artefact.Device);
        float[] exact = float32.Sample(all).Pixels.ToArray();
        Assert.InRange(Math.Sqrt(kept.Zip(exact, (a, b) => Math.Pow(a - b, 2)).Sum() / exact.Sum(b => b * b)), 0, 0.2);
    }

    [Fact]
    public void Pictures_that_do_not_fit_are_refused()
    {
        var picture = new ImageBatch(new float[16 * 16 * 3], 16, 16, 3, [default]);
        SampleOptions options = new() { Image = picture };
        Refused("8 × 8 × 3; tiny draws 16 × 16 × 3", options with { Image = ImageBatch.FromBytes(new byte[8 * 8 * 3], 8, 8, 3) });
        Refused("2 pictures for 3 images", options with { Count = 3, Image = ImageBatch.FromBytes(new byte[2 * 16 * 16 * 3], 16, 16, 3) });
        Refused("Strength is 0", options with { Strength = 0 });
        Refused("Strength is NaN", options with { Strength = double.NaN });
        Refused("The mask has 3 elements", options with { Mask = new bool[3] });
        Refused("needs the picture", options with { Image = null, Mask = new bool[256] });
        Refused("NaN or infinity", options with { Image = new([float.NaN, .. new float[16 * 16 * 3 - 1]], 16, 16, 3, [default]) });
        using MnistSampler digits = MnistSampler.Load(artefact.Device);
        Assert.Contains("--image-to-image", Assert.Throws<ArgumentException>(() => digits.Sample(new() { Image = picture })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => ImageBatch.FromBytes(new byte[5], 2, 2, 1));

        void Refused(string message, SampleOptions wrong) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>(() => artefact.Compiled.Sample(wrong)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_picture_depends_on_its_own_request_alone()
    {
        ImageBatch all = artefact.Compiled.Sample(Options(2));
        for (int i = 0; i < all.Count; i++)
        {
            ImageBatch one = artefact.Compiled.Sample(Options(2) with { Count = 1, FirstImage = 2 + i, Tokens = [Options(2).Tokens[i]] });
            Assert.Equal(all[i].ToArray(), one.Pixels.ToArray());
        }
    }

    [Fact]
    public void Prompts_negative_prompts_and_guidance_of_several_requests_share_a_batch()
    {
        SampleOptions[] requests =
        [
            new() { Seed = 1, Prompts = ["red a"], Guidance = 1 }, new() { Seed = 2, Count = 2, Prompts = ["a", "b"], NegativePrompt = "red", Guidance = 2 },
            new() { Seed = 3, Prompts = ["red"], NegativePrompt = "b", Guidance = 3 }, new() { Seed = 4 },
        ];
        float[] expected = [.. requests.SelectMany(r => artefact.Compiled.Sample(r).Pixels.ToArray())];
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(artefact.ManifestPath, artefact.Device);
        foreach (int capacity in (int[])[3, 5, 8])
        {
            using SamplerSession session = artefact.Compiled.CreateSession(capacity), other = interpreted.CreateSession(capacity);
            Assert.Equal(expected, session.Sample(requests).Pixels.ToArray());
            Assert.Equal(expected, other.Sample(requests).Pixels.ToArray());
        }
    }

    [Fact]
    public void Prompts_and_negative_prompts_matter_and_none_is_the_empty_one()
    {
        SampleOptions options = Options(2) with { Tokens = [artefact.Ids("red")], NegativeTokens = [] };
        float[] red = Draw(options);
        Assert.NotEqual(red, Draw(options with { Tokens = [artefact.Ids("a")] }));
        Assert.NotEqual(red, Draw(options with { NegativeTokens = artefact.Ids("a") }));
        Assert.Equal(red, Draw(options with { NegativeTokens = artefact.Ids("") }));
        Assert.Equal(Draw(options with { Tokens = [] }), Draw(options with { Tokens = [artefact.Ids("")] }));
        Assert.Equal(artefact.Ids(""), artefact.Compiled.Description.Prompt!.Empty);

        float[] Draw(SampleOptions o) => artefact.Compiled.Sample(o).Pixels.ToArray();
    }

    /// <summary>The vocabulary travels with the weights, and the generated type reads it.</summary>
    [Fact]
    public void Prompts_are_read_by_the_sampler_itself()
    {
        Assert.Contains("global::Specializer.Text.ClipTokenizer.Of(sampler)", artefact.Source, StringComparison.Ordinal);
        float[] red = artefact.Compiled.Sample("red a").Pixels.ToArray();
        Assert.Equal(artefact.Compiled.Sample(new() { Tokens = [artefact.Ids("red a")] }).Pixels.ToArray(), red);
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(artefact.ManifestPath, artefact.Device);
        Assert.Equal(interpreted.Sample("red a").Pixels.ToArray(), red);
        SampleOptions options = new() { Count = 2, Prompts = ["red", "a"], NegativePrompt = "b", Guidance = 2 };
        Assert.Equal(
            artefact.Compiled.Sample(new() { Count = 2, Tokens = [artefact.Ids("red"), artefact.Ids("a")], NegativeTokens = artefact.Ids("b"), Guidance = 2 }).Pixels.ToArray(),
            artefact.Compiled.Sample(options).Pixels.ToArray());

        Refused(interpreted, "not both", options with { Tokens = [artefact.Ids("a")] });
        Refused(interpreted, "2 prompts for 3 images", options with { Count = 3 });
        interpreted.Tokenizer = null;
        Refused(interpreted, "Specializer.Text", options);
        using MnistSampler digits = MnistSampler.Load(artefact.Device);
        Refused(digits, "takes no prompts", options);

        static void Refused(Sampler sampler, string message, SampleOptions wrong) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>(() => sampler.Sample(wrong)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_generator_draws_prompts()
    {
        using var generator = new SpecializerImageGenerator(artefact.Compiled);
        ImageGenerationResponse response = await generator.GenerateAsync(new("red a"), new() { Count = 2, AdditionalProperties = new() { ["seed"] = 4 } });
        Assert.Equal(artefact.Compiled.Sample(new() { Count = 2, Seed = 4, Prompts = ["red a"] }).Pixels.ToArray(), ((ImageBatch)response.RawRepresentation!).Pixels.ToArray());
        await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync(new(new string('a', 1 << 17))));
    }

    [Fact]
    public async Task Previews_are_decoded_and_leave_what_follows_as_it_is()
    {
        using SamplerSession session = artefact.Compiled.CreateSession(14);
        var previews = new List<SamplePreview>();
        await foreach (SamplePreview preview in session.PreviewAsync(Options(2))) previews.Add(preview);
        Assert.Equal(artefact.Compiled.Description.Steps.Count, previews.Count);
        Assert.All(previews, p => Assert.Equal(7 * 16 * 16 * 3, p.Images.Pixels.Length));
        Assert.NotEqual(previews[0].Images.Pixels.ToArray(), previews[^1].Images.Pixels.ToArray());
        Assert.Equal(session.Sample(Options(2)).Pixels.ToArray(), previews[^1].Images.Pixels.ToArray());
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        SampleOptions options = new();
        Refused("8 are expected", options with { Tokens = [[1, 2]] });
        Refused("8 are expected", options with { NegativeTokens = [1] });
        Refused("outside 0 to", options with { Tokens = [[.. artefact.Ids("").Select(_ => 1 << 20)]] });
        Refused("2 lists of tokens for 3 images", options with { Count = 3, Tokens = [artefact.Ids("a"), artefact.Ids("b")] });
        Refused("no input 'ids'; it has none", options with { Inputs = new Dictionary<string, float[]> { ["ids"] = new float[8] } });
        Refused("takes no labels", options with { Labels = [1] });
        using MnistSampler digits = MnistSampler.Load(artefact.Device);
        Assert.Contains("takes no tokens", Assert.Throws<ArgumentException>(() => digits.Sample(new() { Tokens = [[1]] })).Message, StringComparison.Ordinal);

        void Refused(string message, SampleOptions wrong) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>(() => artefact.Compiled.Sample(wrong)).Message, StringComparison.Ordinal);
    }

    /// <summary>A manifest without an encoder takes what the encoder would have given.</summary>
    [Fact]
    public void Inputs_without_an_encoder_are_given_as_numbers()
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(artefact.ManifestPath);
        CalibrationManifest manifest = artifact.Manifest with { Encoders = default, Prompt = null };
        using InterpretedSampler sampler = InterpretedSampler.FromManifest(manifest, artifact.Tensor, artefact.Device);
        SamplerInput input = Assert.Single(sampler.Description.Inputs);
        float[] a = Numbers(1), b = Numbers(2), none = Numbers(3);
        SampleOptions options = new() { Count = 2, Guidance = 2, Inputs = Given([.. a, .. b]), NegativeInputs = Given(none) };
        ImageBatch two = sampler.Sample(options);
        Assert.Equal(two[1].ToArray(), sampler.Sample(options with { Count = 1, FirstImage = 1, Inputs = Given(b) }).Pixels.ToArray());
        Assert.NotEqual(two[1].ToArray(), sampler.Sample(options with { Count = 1, FirstImage = 1, Inputs = Given(a) }).Pixels.ToArray());

        Refused("needs 'encoder_hidden_states'", options with { Inputs = new Dictionary<string, float[]>() });
        Refused("in NegativeInputs", options with { NegativeInputs = new Dictionary<string, float[]>() });
        Refused("has 3 numbers", options with { Inputs = Given(new float[3]) });
        Refused("NaN", options with { Inputs = Given([float.NaN, .. a.Skip(1)]) });
        Refused("it has encoder_hidden_states", options with { Inputs = new Dictionary<string, float[]> { ["context"] = a } });

        Dictionary<string, float[]> Given(float[] numbers) => new() { [input.Name] = numbers };

        float[] Numbers(int seed) => [.. Enumerable.Range(0, input.Elements).Select(i => MathF.Sin(i * seed))];

        void Refused(string message, SampleOptions wrong) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>(() => sampler.Sample(wrong)).Message, StringComparison.Ordinal);
    }

    /// <summary>One calibration and compilation for all of these tests.</summary>
    public sealed class Artefact : IDisposable
    {
        private readonly TinyPipeline _pipeline = new();
        private readonly TemporaryFolder _folder = new();
        private readonly ImportedModel _model;

        public ImportedModel Model => _model;

        public Artefact()
        {
            _model = PipelineImporter.Load(_pipeline.Root, "tiny", encoder: true);
            var options = new CalibrationOptions { Steps = 3, Eta = 0, Trajectories = 16, Prompts = ["red", "a", "b", "red a"], ImageToImage = true, Guidance = 1, GuidanceMinimum = 1, GuidanceMaximum = 3 };
            ManifestPath = Calibrator.Run(_model, options, _folder.Root, Device, 2).ManifestPath;
            Compiled = CompiledArtifact.Load(ManifestPath, Device, out string source);
            Source = source;
        }

        public CpuDevice Device { get; } = new(2);

        public string ManifestPath { get; }

        public Sampler Compiled { get; }

        public string Source { get; }

        public int[] Ids(string prompt) => _model.Text!.Ids(prompt);

        public void Dispose()
        {
            Compiled.Dispose();
            Device.Dispose();
            _pipeline.Dispose();
            _folder.Dispose();
        }
    }
}
