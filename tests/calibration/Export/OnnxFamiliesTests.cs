using Microsoft.ML.OnnxRuntime;
using Specializer.Calibration.Export;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests.Export;

/// <summary>Exported transformers, autoencoders and text encoders in ONNX Runtime against outputs that the reference library stored, and every kind of operation against this project's kernels.</summary>
public class OnnxFamiliesTests
{
    private const float Tolerance = 1e-4f;

    [SharedTheory("golden/small-odd", "golden/small-sd15", "golden/small-cond", "golden/small-sdxl")]
    [InlineData("small-odd", "class_labels")]
    [InlineData("small-sd15", "encoder_hidden_states")]
    [InlineData("small-cond", "encoder_hidden_states")]
    [InlineData("small-sdxl", "encoder_hidden_states,added_conditions")]
    public void Networks(string folder, string conditions)
    {
        string golden = SharedData.Golden(folder);
        ImportedModel model = DiffusersImporter.Load(golden, tokens: GoldenVerification.Tokens(Path.Combine(golden, "golden.safetensors")) ?? 1);
        Assert.Equal(conditions, string.Join(',', model.Network.Inputs));
        var stream = new MemoryStream();
        OnnxExport.Write(model, stream);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(golden, "golden.safetensors"));

        Near(file.ReadFloats("out.eps"), Run(stream.ToArray(), "epsilon", Inputs(file, model)));
    }

    /// <summary>What is doubled is cut to the skip connection's size.</summary>
    [Theory]
    [MemberData(nameof(OddSizeTests.Stored), MemberType = typeof(OddSizeTests))]
    public void Sizes_that_the_levels_do_not_halve(int height, int width, float[] expected)
    {
        using var folder = new TemporaryFolder();
        new SyntheticNetwork(OddSizeTests.Configuration(height, width)).Save(folder.Root);
        var stream = new MemoryStream();
        OnnxExport.Write(DiffusersImporter.Load(folder.Root, tokens: 2), stream);
        float[] x = OddSizeTests.Numbers(height * width), context = OddSizeTests.Numbers(2 * OddSizeTests.Context);
        Near(expected, Run(stream.ToArray(), "epsilon", [("sample", x, [1, 1, height, width]), ("timestep", new long[] { 20 }, [1]), (UNetImporter.Context, context, [1, 2, OddSizeTests.Context])]));
    }

    /// <summary>Tensors in a file of their own are those in the model.</summary>
    [SharedFact("golden/small-cond")]
    public void External_data()
    {
        using var folder = new TemporaryFolder();
        ImportedModel model = DiffusersImporter.Load(SharedData.Golden("small-cond"), tokens: 1);
        var whole = new MemoryStream();
        OnnxExport.Write(model, whole);
        using (FileStream output = File.Create(folder.File("m.onnx")), data = File.Create(folder.File("m.data"))) OnnxExport.Write(model, output, new(data, "m.data"));
        Assert.InRange(new FileInfo(folder.File("m.onnx")).Length, 1, whole.Length / 4);
        byte[] tensors = File.ReadAllBytes(folder.File("m.data"));
        OnnxModelReader expected = new(whole.ToArray()), actual = new(File.ReadAllBytes(folder.File("m.onnx")));
        Assert.Equal(expected.Tensors.Keys.Order(), actual.Tensors.Keys.Order());
        Assert.All(expected.Tensors, t => Assert.Equal(t.Value.Raw(null), actual.Tensors[t.Key].Raw(tensors)));
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(SharedData.Golden("small-cond"), "golden.safetensors")))
        using (var session = new InferenceSession(folder.File("m.onnx")))
        {
            Assert.Equal(["sample", "timestep", "encoder_hidden_states"], session.InputMetadata.Keys.Where(k => k != "label"));
            Near(file.ReadFloats("out.eps"), Run(session, "epsilon", Inputs(file, model)));
        }

        Assert.Throws<ArgumentException>(() => new OnnxData(whole, "a/m.data"));
    }

    [SharedTheory("golden/vq-small", "golden/kl-small", "golden/taesd-small")]
    [InlineData("vq-small", PipelinePart.Decoder, "in.z", "out.decode")]
    [InlineData("kl-small", PipelinePart.Decoder, "in.z", "out.decode")]
    [InlineData("vq-small", PipelinePart.Encoder, "in.image", "out.encode")]
    [InlineData("kl-small", PipelinePart.Encoder, "in.image", "out.moments")]
    [InlineData("taesd-small", PipelinePart.Decoder, "in.z", "out.decode")]
    [InlineData("taesd-small", PipelinePart.Encoder, "in.image", "out.encode")]
    public void Autoencoders(string folder, PipelinePart part, string input, string output)
    {
        string golden = SharedData.Golden(folder);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(golden, "golden.safetensors"));
        long[] shape = file.Entries[input].Shape;
        var stream = new MemoryStream();
        var (from, to) = OnnxPartExport.Write(golden, part, stream, (int)shape[2], (int)shape[3]);
        Near(file.ReadFloats(output), Run(stream.ToArray(), to, [(from, file.ReadFloats(input), shape)]));
    }

    [Fact]
    public void Text_encoders()
    {
        string folder = Path.Combine(SharedData.RepositoryRoot, "tests", "calibration", "Import", "TextEncoder");
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        var stream = new MemoryStream();
        var (from, to) = OnnxPartExport.Write(folder, PipelinePart.TextEncoder, stream, width: 0);
        long[] ids = [.. golden.ReadIntegers("in.ids").Select(id => (long)id)];
        Near(golden.ReadFloats("out.hidden"), Run(stream.ToArray(), to, [(from, ids, golden.Entries["in.ids"].Shape)]));
    }

    [Fact]
    public void Text_encoders_with_projection()
    {
        using TemporaryFolder folder = PlainTextEncoder.Write("gelu");
        var plain = new PlainTextEncoder(folder.Root, PlainTextEncoder.Heads, "gelu");
        int[] text = PlainTextEncoder.Text;
        float[] last = [.. plain.Normal(text, PlainTextEncoder.Layers).SelectMany(row => row).Select(v => (float)v)];
        var stream = new MemoryStream();
        var (from, to) = OnnxPartExport.Write(folder.Root, PipelinePart.TextEncoder, stream, width: 0);
        Near(last, Run(stream.ToArray(), to, [(from, Array.ConvertAll(text, id => (long)id), [1, text.Length])]));

        using ModelWeights weights = PartImporter.OpenWeights(folder.Root, text: true, []);
        TextEncoderConfiguration configuration = TextEncoderConfiguration.Read(ConfigurationReader.Open(folder.File("config.json")));
        var summary = new MemoryStream();
        OnnxPartExport.Write(TextEncoderImporter.Summary(configuration, weights.Tensors), summary, "state", "text_embeds");
        float[] state = last[(configuration.SummaryPosition(text) * PlainTextEncoder.Channels)..][..PlainTextEncoder.Channels];
        Near([.. plain.Summary(text, PlainTextEncoder.Layers).Select(v => (float)v)], Run(summary.ToArray(), "text_embeds", [("state", state, [1, 1, state.Length])]));
    }

    /// <summary>What no stored output uses: every non-linearity, scale and shift, modulation, resampling both ways, a linear map, a lookup of computed numbers, a pixel by its number.</summary>
    [Fact]
    public void Every_other_kind()
    {
        var random = new Random(3);
        Map F(string name, int size, int channels) => new(name, size, size, channels, MapType.Float32);
        var one = new Number("1");
        string[] functions = ActivationOperation.Functions;
        var network = new Network("x", "y",
            new([F("x", 4, 3), F("down", 2, 3), F("up", 4, 3), F("scaled", 4, 3), F("linear", 4, 3), F("style", 1, 6), F("styled", 4, 3), F("offset", 1, 3), F("moved", 4, 3), .. functions.Select(f => F(f, 4, 3)), F("id", 4, 1), F("rows", 4, 3), F("picked", 1, 3), F("shifted", 4, 3), F("y", 4, 3)]),
            new(0, 0, 6),
            new([
                new ResampleOperation("down", "x", "down", true),
                new ResampleOperation("up", "down", "up", false),
                new ScaleShiftOperation("scaled", "up", "scaled", 0),
                new LinearMapOperation("linear", "scaled", "linear", new("2.5"), new("-0.25")),
                new ConvolutionOperation("style", "x", "style", null, 3, 2, 0, 0, 1, 32, -1, one),
                new ModulationOperation("styled", "linear", "style", "styled"),
                new ConvolutionOperation("offset", "style", "offset", null, 1, 1, 0, 0, 1, 32, -1, one),
                new ModulationOperation("moved", "styled", "offset", "moved"),
                .. functions.Select((f, i) => new ActivationOperation(f, i == 0 ? "moved" : functions[i - 1], f, f)),
                new ConvolutionOperation("id", functions[^1], "id", null, 1, 1, 0, 0, 1, 32, -1, one),
                new LookupOperation("rows", "id", "rows", 4),
                new SelectOperation("picked", "rows", "id", "picked", 2),
                new ModulationOperation("shifted", "rows", "picked", "shifted"),
                new ConvolutionOperation("out", "shifted", "y", functions[^1], 1, 1, 0, 0, 1, 32, -1, one),
            ]));
        var tensors = new Dictionary<string, float[]>
        {
            // Numbers of rows are the same everywhere, and far from the next integer: casts round towards zero.
            ["style.weight"] = Floats(162), ["style.bias"] = Floats(6), ["offset.weight"] = Floats(18), ["offset.bias"] = Floats(3), ["id.weight"] = [0, 0, 0], ["id.bias"] = [2.5f], ["rows.table"] = Floats(12), ["rows.position"] = Floats(48), ["out.weight"] = Floats(9), ["out.bias"] = Floats(3), ["embedding.vectors"] = Floats(6),
        };
        Same(network, tensors, Floats(2 * 48), ("timestep", new long[] { 0, 0 }, [2]));

        float[] Floats(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];
    }

    /// <summary>What an operation is made of in ONNX may be called as another operation is, or as the numbers that it is made with.</summary>
    [Fact]
    public void Names_of_parts_that_are_names_of_operations()
    {
        Map F(string name) => new(name, 4, 4, 3, MapType.Float32);
        string[] names = ["a", "a.erf", "a.root", "one", "a.scaled", "a.factor", "out.weight"];
        var network = new Network("x", "y", new([F("x"), F("y"), .. names.Select(F)]), new(0, 0, 0), new(
        [
            .. names.Select((name, i) => (Operation)(name == "a" ? new ActivationOperation(name, "x", name, "gelu") : new LinearMapOperation(name, names[i - 1], name, new("2"), new($"{i}")))),
            new ConvolutionOperation("out", names[^1], "y", "a", 1, 1, 0, 0, 1, 32, -1, new("0.5")),
        ]));
        var random = new Random(4);
        Same(network, new() { ["out.weight"] = [.. Enumerable.Range(0, 9).Select(_ => random.NextSingle() / 16)], ["out.bias"] = new float[3] }, [.. Enumerable.Range(0, 96).Select(_ => random.NextSingle() * 2 - 1)]);
    }

    /// <summary>ONNX Runtime and the kernels give the same of two images of 4×4×3.</summary>
    private static void Same(Network network, Dictionary<string, float[]> tensors, float[] x, params ReadOnlySpan<(string, Array, long[])> more)
    {
        var stream = new MemoryStream();
        OnnxExporter.Export(network, name => tensors[name], stream, new() { Timesteps = 1 });
        float[] actual = Run(stream.ToArray(), "epsilon", [("sample", First(x, 3), [2, 3, 4, 4]), .. more]);

        using var device = new CpuDevice(1);
        using var evaluator = new NetworkEvaluator(network, 1, (name, _) => System.Runtime.InteropServices.MemoryMarshal.AsBytes(tensors[name].AsSpan()).ToArray(), device, 2);
        var expected = new float[x.Length];
        evaluator.Evaluate(0, InterpretedStep.Float32, x, [], expected);
        Near(First(expected, 3), actual);
    }

    /// <summary>Two images of 4×4, channels first.</summary>
    private static float[] First(float[] map, int channels) => [.. map.Chunk(16 * channels).SelectMany(image => Enumerable.Range(0, image.Length).Select(i => image[i % 16 * channels + i / 16]))];

    internal static List<(string Name, Array Values, long[] Shape)> Inputs(SafetensorsFile file, ImportedModel model)
    {
        long[] state = file.Entries["in.x"].Shape;
        long[] timesteps = [.. file.ReadIntegers("in.t").Select(t => (long)t)];
        if (timesteps.Length == 1) timesteps = [.. Enumerable.Repeat(timesteps[0], (int)state[0])];
        var inputs = new List<(string, Array, long[])> { ("sample", file.ReadFloats("in.x"), state), ("timestep", timesteps, [timesteps.Length]) };
        if (model.Classes > 0) inputs.Add(("label", Labels(), [state[0]]));
        foreach (string input in model.Network.Inputs)
        {
            inputs.Add(input switch
            {
                UNetImporter.Labels => (input, Labels(), [state[0], 1]),
                UNetImporter.Added => Added(),
                _ => (input, file.ReadFloats("in." + input), file.Entries["in." + input].Shape),
            });
        }

        return inputs;

        long[] Labels() => [.. file.ReadIntegers("in.class_labels").Select(l => (long)l)];

        // One token for each image: what the importer makes of a text's summary and of sizes.
        (string, Array, long[]) Added()
        {
            float[][] texts = [.. file.ReadFloats("in.text_embeds").Chunk((int)file.Entries["in.text_embeds"].Shape[1])], sizes = [.. file.ReadFloats("in.time_ids").Chunk((int)file.Entries["in.time_ids"].Shape[1])];
            float[] rows = [.. texts.Zip(sizes, (text, size) => model.Time.AddedConditions(text, size)).SelectMany(row => row)];
            return (UNetImporter.Added, rows, [state[0], 1, rows.Length / state[0]]);
        }
    }

    private static float[] Run(byte[] model, string output, IReadOnlyList<(string Name, Array Values, long[] Shape)> inputs)
    {
        using var session = new InferenceSession(model);
        return Run(session, output, inputs);
    }

    internal static float[] Run(InferenceSession session, string output, IReadOnlyList<(string Name, Array Values, long[] Shape)> inputs)
    {
        using var options = new RunOptions();
        OrtValue[] values = [.. inputs.Select(i => i.Values is float[] f ? OrtValue.CreateTensorValueFromMemory(f, i.Shape) : OrtValue.CreateTensorValueFromMemory((long[])i.Values, i.Shape))];
        try
        {
            using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, [.. inputs.Select(i => i.Name)], values, [output]);
            return results[0].GetTensorDataAsSpan<float>().ToArray();
        }
        finally
        {
            foreach (OrtValue value in values) value.Dispose();
        }
    }

    private static void Near(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max(), 0, Tolerance);
    }
}
