using Specializer.Calibration;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.TorchSharp.Tests;

/// <summary>Autoencoders, text encoders and the networks that no other test runs on libtorch, against outputs that the reference library stored.</summary>
public class TorchFamiliesTests
{
    private static readonly string s_text = Path.Combine(SharedData.RepositoryRoot, "tests", "calibration", "Import", "TextEncoder"),
        s_emoji = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "emoji", "vae");

    [TorchTheory("golden/small-odd", "golden/small-sdxl")]
    [InlineData("small-odd", "ddpm")]
    [InlineData("small-sdxl", "ddim")]
    public void Networks(string folder, string trajectory)
    {
        string golden = SharedData.Golden(folder), stored = Path.Combine(golden, "golden.safetensors");
        var results = GoldenVerification.Run(DiffusersImporter.Load(golden, tokens: GoldenVerification.Tokens(stored) ?? DiffusersImporter.DefaultTokens), stored, Torch.Engine());
        Assert.Equal(["eps", trajectory], results.Where(r => r.Status == VerificationStatus.Passed).Select(r => r.Name));
    }

    [TorchTheory("golden/kl-small", "golden/vq-small", "golden/taesd-small")]
    [InlineData("kl-small", "in.z", "out.decode")]
    [InlineData("kl-small", "in.image", "out.moments")]
    [InlineData("vq-small", "in.z", "out.decode")]
    [InlineData("vq-small", "in.image", "out.encode")]
    [InlineData("taesd-small", "in.z", "out.decode")]
    [InlineData("taesd-small", "in.image", "out.encode")]
    public void Autoencoders(string folder, string input, string output) => Check(SharedData.Golden(folder), input == "in.z" ? PipelinePart.Decoder : PipelinePart.Encoder, input, output);

    [TorchFact]
    public void The_emoji_models_decoder() => Check(s_emoji, PipelinePart.Decoder, "in.z", "out.decode");

    [TorchFact]
    public void Text_encoders() => Check(s_text, PipelinePart.TextEncoder, "in.ids", "out.hidden");

    /// <summary>Every non-linearity one after the other, and a pixel by its number, beside the kernels.</summary>
    [TorchFact]
    public void Non_linearities_and_selection_agree_with_the_interpreter()
    {
        Map F(string name, int size, int channels) => new(name, size, size, channels, MapType.Float32);
        string[] functions = ActivationOperation.Functions;
        var network = new Network("x", "shifted",
            new([F("x", 4, 3), .. functions.Select(f => F(f, 4, 3)), F("id", 4, 1), F("rows", 4, 3), F("picked", 1, 3), F("shifted", 4, 3)]), new(0, 0, 0),
            new([
                .. functions.Select((f, i) => new ActivationOperation(f, i == 0 ? "x" : functions[i - 1], f, f)),
                new ConvolutionOperation("id", functions[^1], "id", null, 1, 1, 0, 0, 1, 32, -1, new("1")),
                new LookupOperation("rows", "id", "rows", 4),
                new SelectOperation("picked", "rows", "id", "picked", 2),
                new ModulationOperation("shifted", functions[^1], "picked", "shifted"),
            ]));
        var tensors = new Dictionary<string, float[]> { ["id.weight"] = [0, 0, 0], ["id.bias"] = [2.5f], ["rows.table"] = Inputs.Normal(12, 1), ["rows.position"] = Inputs.Normal(48, 2) };
        Agree(network, tensors, [.. Inputs.Normal(2 * 48, 3).Select(v => 4 * v)]);
    }

    /// <summary>Half of an odd size is rounded up, and the way back goes to the size that was.</summary>
    [TorchTheory]
    [InlineData(5, 7)]
    [InlineData(9, 6)]
    public void Sizes_that_do_not_halve_agree_with_the_interpreter(int height, int width)
    {
        ConvolutionOperation Convolution(string from, string to) => new(to, from, to, null, 3, 1, 1, 1, 1, 32, -1, new("1"));
        var network = new Network("x", "up",
            new([new("x", height, width, 3, MapType.Float32), new("down", (height + 1) / 2, (width + 1) / 2, 4, MapType.Float32), new("up", height, width, 3, MapType.Float32)]), new(0, 0, 0),
            new([Convolution("x", "down") with { Stride = 2 }, Convolution("down", "up") with { Upsample = 2 }]));
        Agree(network, new() { ["down.weight"] = Inputs.Normal(108, 1), ["down.bias"] = Inputs.Normal(4, 2), ["up.weight"] = Inputs.Normal(108, 3), ["up.bias"] = Inputs.Normal(3, 4) }, [.. Inputs.Normal(2 * 3 * height * width, 5).Select(v => v / 8)]);
    }

    /// <summary>libtorch gives what the kernels give of two images.</summary>
    private static void Agree(Network network, Dictionary<string, float[]> tensors, float[] x)
    {
        ImportedModel model = Of(network, tensors);
        float[] expected = new float[x.Length], actual = new float[x.Length];
        using var device = new CpuDevice(1);
        using (IReferenceNetwork kernels = new InterpreterEngine(device).Create(model, [0], 2)) kernels.Evaluate(0, x, [], expected);
        using (IReferenceNetwork torch = Torch.Engine().Create(model, [0], 1)) torch.Evaluate(0, x, [], actual);
        Assert.True(expected.Distinct().Count() > expected.Length / 2);
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max(), 0, 1e-5);
    }

    private static void Check(string folder, PipelinePart part, string input, string output)
    {
        bool text = part == PipelinePart.TextEncoder;
        using ModelWeights weights = PartImporter.OpenWeights(folder, text, []);
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        long[] from = golden.Entries[input].Shape, to = golden.Entries[output].Shape;
        ConfigurationReader json = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        ImportedNetwork network = text ? PartImporter.Import(json, weights, part, 1, (int)from[1]) : PartImporter.Import(json, weights, part, (int)from[2], (int)from[3]);
        float[] x = text ? [.. golden.ReadIntegers(input).Select(id => (float)id)] : ChannelsLast(golden.ReadFloats(input), from);
        float[] expected = text ? golden.ReadFloats(output) : ChannelsLast(golden.ReadFloats(output), to), actual = new float[expected.Length];
        // Two images in two batches.
        using IReferenceNetwork torch = Torch.Engine().Create(Of(network.Network, network.Tensors), [0], 1);
        torch.Evaluate(0, x, [], actual);
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max() / expected.Max(Math.Abs), 0, text ? GoldenVerification.DefaultTolerance : PartVerification.DefaultTolerance);
    }

    /// <summary>A network that knows no timestep, in a model's place.</summary>
    private static ImportedModel Of(Network network, IReadOnlyDictionary<string, float[]> tensors) =>
        DiffusersImporter.Load(Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist")) with { Network = network, Weights = tensors };

    private static float[] ChannelsLast(float[] values, long[] shape)
    {
        int channels = (int)shape[1], pixels = (int)(shape[2] * shape[3]);
        return [.. Enumerable.Range(0, values.Length).Select(i => values[i / (channels * pixels) * channels * pixels + i % channels * pixels + i / channels % pixels])];
    }
}
