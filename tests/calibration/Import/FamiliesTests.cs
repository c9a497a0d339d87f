using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Autoencoders and text encoders against outputs that the reference library stored; networks: <see cref="GoldenVerificationTests"/>.</summary>
public class FamiliesTests
{
    [SharedTheory("golden/taesd-small")]
    [InlineData("in.z", "out.decode")]
    [InlineData("in.image", "out.encode")]
    public void Tiny_autoencoders_equal_the_reference_library(string input, string output)
    {
        string golden = SharedData.Golden("taesd-small");
        var configuration = TinyAutoencoderConfiguration.Read(ConfigurationReader.Open(Path.Combine(golden, "config.json")));
        Check(golden, input, output, (source, height, width) =>
            input == "in.z" ? TinyAutoencoderImporter.Decoder(configuration, source, height, width) : TinyAutoencoderImporter.Encoder(configuration, source, height, width));
    }

    [SharedTheory("golden/vq-small", "golden/kl-small")]
    [InlineData("vq-small", "out.decode", true)]
    [InlineData("vq-small", "out.decode_not_quantized", false)]
    [InlineData("kl-small", "out.decode", true)]
    public void Decoders_equal_the_reference_library(string folder, string expected, bool quantize) =>
        Check(folder, "in.z", expected, (configuration, source, height, width) => AutoencoderImporter.Decoder(configuration, source, height, width, quantize));

    [SharedTheory("golden/vq-small", "golden/kl-small")]
    [InlineData("vq-small", "out.encode")]
    [InlineData("kl-small", "out.moments")]
    public void Encoders_equal_the_reference_library(string folder, string expected) => Check(folder, "in.image", expected, AutoencoderImporter.Encoder);

    [Fact]
    public void Text_encoders_equal_the_reference()
    {
        string folder = Path.Combine(SharedData.RepositoryRoot, "tests", "calibration", "Import", "TextEncoder");
        using ModelWeights weights = ModelWeights.Open(folder, null, []);
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        ImportedNetwork network = TextEncoderImporter.Import(TextEncoderConfiguration.Read(ConfigurationReader.Open(Path.Combine(folder, "config.json"))), weights.Tensors);
        weights.Tensors.Check();

        float[] actual = NetworkRun.Evaluate(network, [.. golden.ReadIntegers("in.ids").Select(id => (float)id)], images: 2);

        Assert.InRange(golden.ReadFloats("out.hidden").Zip(actual, (a, b) => Math.Abs(a - b)).Max(), 0, 2e-5);
    }

    /// <summary>Left-out layers (<c>clip_skip</c>): the final norm follows on the layer before, as in an encoder that never had them.</summary>
    [Fact]
    public void Last_layers_of_a_text_encoder_can_be_left_out()
    {
        string folder = Path.Combine(SharedData.RepositoryRoot, "tests", "calibration", "Import", "TextEncoder");
        ConfigurationReader json = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        TextEncoderConfiguration whole = TextEncoderConfiguration.Read(json), fewer = TextEncoderConfiguration.Read(json.Anew(("num_hidden_layers", $"{whole.Layers - 1}")));
        float[] ids = [.. Enumerable.Range(0, whole.Positions).Select(i => (float)(i * 5 % whole.Vocabulary))];

        float[] skipped = Run(whole, 1);

        Assert.Equal(Run(fewer, 0), skipped);
        Assert.NotEqual(Run(whole, 0), skipped);
        Assert.Throws<ArgumentOutOfRangeException>(() => Run(whole, whole.Layers));

        float[] Run(TextEncoderConfiguration configuration, int skip)
        {
            using ModelWeights weights = ModelWeights.Open(folder, null, []);
            return NetworkRun.Evaluate(TextEncoderImporter.Import(configuration, weights.Tensors, skip: skip), ids, images: 1);
        }
    }

    /// <summary>Decoder and encoder of the project's own autoencoder, whose weights are F16.</summary>
    [Fact]
    public void The_emoji_autoencoder_equals_its_training_program()
    {
        string folder = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "emoji", "vae");
        Check(folder, "in.z", "out.decode", (configuration, source, height, width) => AutoencoderImporter.Decoder(configuration, source, height, width));
        // Of the moments the first half, which are the means.
        Check(folder, "in.image", "out.mean", AutoencoderImporter.Encoder);
    }

    [SharedTheory("architectures")]
    [InlineData("ddpm-cifar10-32.unet", 35_746_307)]
    [InlineData("ddpm-celebahq-256.unet", 113_673_219)]
    [InlineData("ldm-celebahq-256.unet", 274_056_163)]
    [InlineData("ldm-cin256-v2.unet", 400_920_579)]
    [InlineData("sd15.unet", 859_520_964)]
    [InlineData("ldm-f4.vqvae", 55_322_782)]
    [InlineData("sd15.vae", 83_653_863)]
    public void Published_models_have_a_place_for_each_of_their_tensors(string name, long parameters)
    {
        string[] lines = File.ReadAllLines(Path.Combine(SharedData.Root, "architectures", name + ".txt"));
        using var folder = new TemporaryFolder();
        // The first line names the class: "# NAME CLASS tensors=…", the second is config.json, from which some leave it out.
        string className = lines[0].Split(' ')[2];
        File.WriteAllText(folder.File("config.json"), lines[1].Contains("_class_name", StringComparison.Ordinal) ? lines[1][1..] : lines[1][1..].Replace("{", $"{{\"_class_name\": \"{className}\", "));
        var shapes = lines.Skip(2).Select(l => l.Split('\t')).ToDictionary(p => p[0], p => p[1].Trim('[', ']').Split(", ").Select(long.Parse).ToArray());
        var source = new SourceTensors("weights", shapes, tensor => new float[shapes[tensor].Aggregate(1L, (a, b) => a * b)]);
        ConfigurationReader json = ConfigurationReader.Open(folder.File("config.json"));
        if (name.EndsWith(".unet", StringComparison.Ordinal))
        {
            UNetImporter.Import(UNetConfiguration.Read(json), source);
        }
        else
        {
            AutoencoderConfiguration configuration = AutoencoderConfiguration.Read(json);
            AutoencoderImporter.Encoder(configuration, source, 64, 64);
            AutoencoderImporter.Decoder(configuration, source, 64 / configuration.Factor, 64 / configuration.Factor);
        }

        source.Check();
        Assert.Equal(parameters, source.Parameters);
    }

    [SharedFact("golden/small-sd15")]
    public void What_nothing_in_the_folder_makes_is_asked_for_before_the_work()
    {
        ImportedModel model = DiffusersImporter.Load(SharedData.Golden("small-sd15"), tokens: 7);
        using var device = new CpuDevice(1);
        using var folder = new TemporaryFolder();

        Assert.Equal("pndm", model.Scheduler.Run(null, 5, null).Identity.Family);
        Assert.Contains("encoder_hidden_states [contexts, tokens, 40]", Assert.Throws<ArgumentException>(() => Calibrator.Run(model, new(), folder.Root, device)).Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Root));
    }

    private static void Check(string folder, string input, string output, Func<AutoencoderConfiguration, SourceTensors, int, int, ImportedNetwork> import)
    {
        string golden = Path.IsPathRooted(folder) ? folder : SharedData.Golden(folder);
        var configuration = AutoencoderConfiguration.Read(ConfigurationReader.Open(Path.Combine(golden, "config.json")));
        Check(golden, input, output, (source, height, width) => import(configuration, source, height, width));
    }

    private static void Check(string golden, string input, string output, Func<SourceTensors, int, int, ImportedNetwork> import)
    {
        using ModelWeights weights = ModelWeights.Open(golden, null, []);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(golden, "golden.safetensors"));
        long[] from = file.Entries[input].Shape, to = file.Entries[output].Shape;
        ImportedNetwork network = import(weights.Tensors, (int)from[2], (int)from[3]);

        float[] expected = ChannelsLast(file.ReadFloats(output), to), actual = NetworkRun.Evaluate(network, ChannelsLast(file.ReadFloats(input), from), (int)from[0]);

        int channels = (int)to[1], pixels = expected.Length / channels, stored = actual.Length / pixels;
        Assert.InRange(expected.Select((value, i) => Math.Abs(value - actual[i / channels * stored + i % channels])).Max(), 0, 5e-5);
    }

    private static float[] ChannelsLast(float[] values, long[] shape)
    {
        int channels = (int)shape[1], pixels = (int)(shape[2] * shape[3]);
        var result = new float[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int image = i / (channels * pixels), channel = i / pixels % channels, pixel = i % pixels;
            result[(image * pixels + pixel) * channels + channel] = values[i];
        }

        return result;
    }
}
