using Microsoft.ML.OnnxRuntime;
using Specializer.Calibration.Conversion;
using Specializer.Calibration.Export;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests.Export;

/// <summary>Exports in int8 in ONNX Runtime, with all of its optimizations and with none, against FP32.</summary>
public sealed class OnnxInt8Tests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(2);

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    /// <summary>Labels that are looked up, cross attention over tokens, GEGLU and layer norms, added conditions: with the ranges of the stored inputs, against the stored outputs.</summary>
    [SharedTheory("golden/small-odd", "golden/small-sd15", "golden/small-cond", "golden/small-sdxl")]
    [InlineData("small-odd")]
    [InlineData("small-sd15")]
    [InlineData("small-cond")]
    [InlineData("small-sdxl")]
    public void Networks(string folder)
    {
        string golden = SharedData.Golden(folder), stored = Path.Combine(golden, "golden.safetensors");
        ImportedModel model = DiffusersImporter.Load(golden, tokens: GoldenVerification.Tokens(stored) ?? 1);
        using SafetensorsFile file = SafetensorsFile.Open(stored);
        List<(string Name, Array Values, long[] Shape)> inputs = OnnxFamiliesTests.Inputs(file, model);
        float[] timesteps = [.. ((long[])inputs[1].Values).Select(t => (float)t)];
        IReadOnlyDictionary<string, float[]> tensors = model.Tensors(timesteps);
        string path = _folder.File("int8.onnx");
        using (FileStream stream = File.Create(path)) OnnxExporter.Export(model.Network, name => tensors[name], stream, new() { Timesteps = timesteps.Length, Ranges = Ranges(model, inputs, timesteps) });
        // Rows of a table of these timesteps alone.
        inputs[1] = ("timestep", Enumerable.Range(0, timesteps.Length).Select(row => (long)row).ToArray(), inputs[1].Shape);
        Near(file.ReadFloats("out.eps"), model.Network, path, "epsilon", inputs);
    }

    /// <summary>What the command writes of a pipeline, with its tensors apart: ranges of the prompts that it is given, and of none.</summary>
    [Fact]
    public void A_pipeline_with_prompts()
    {
        using var pipeline = new TinyPipeline();
        string prompts = _folder.File("prompts.txt"), apart = _folder.File("apart.onnx");
        File.WriteAllText(prompts, "red\na b\n");
        string[] arguments = [pipeline.Root, "--onnx", apart, "--int8", "--prompts", prompts, "--guidance", "2", "--external-data", "--json"];
        Assert.Equal(ExitCode.Success, ExitCode.Of(ExportCommand.Create().Parse(arguments)));
        Assert.True(File.Exists($"{apart}.data"));
        Near(PipelineImporter.Load(pipeline.Root), apart, new(_device) { Prompts = ["red"], Guidance = 2 });
    }

    /// <summary>One token for each label, from a table beside the network.</summary>
    [Fact]
    public void A_pipeline_with_labels()
    {
        Synthesizer.Write(TinyLatentDiffusion.Recipe, _folder.File("ldm"), 3);
        Check(PipelineImporter.Load(_folder.File("ldm")), new(_device) { Guidance = 2 });
    }

    /// <summary>Stable Diffusion XL's: tokens in two inputs, and a text's summary.</summary>
    [Fact]
    public void A_pipeline_with_two_text_encoders()
    {
        Synthesizer.Write(PipelineRecipe.All.Single(r => r.Name == "small-sdxl"), _folder.File("xl"), 3);
        ImportedModel model = PipelineImporter.Load(_folder.File("xl"));
        Assert.Equal(["encoder_hidden_states", "encoder_hidden_states_2", "text_embeds"], model.Inputs);
        Check(model, new(_device) { Prompts = ["ab"] });
    }

    /// <summary>Of another size than what was drawn, too: ranges have none.</summary>
    [Theory]
    [InlineData(PipelinePart.Decoder, 8, 8, 4)]
    [InlineData(PipelinePart.Decoder, 4, 6, 4)]
    [InlineData(PipelinePart.Encoder, 16, 16, 3)]
    [InlineData(PipelinePart.TextEncoder, 1, 8, 0)]
    public void Parts(PipelinePart part, int height, int width, int channels)
    {
        using var pipeline = new TinyPipeline();
        Write("real", null);
        var (input, output) = Write("int8", new(_device) { Prompts = ["red", "a b"] });
        ImportedModel model = PipelineImporter.Load(pipeline.Root);
        (string, Array, long[]) given = channels == 0 ? (input, model.Text!.Ids("a b").Select(id => (long)id).ToArray(), [1, width]) : (input, Picture(), [1, channels, height, width]);
        Near(Run(_folder.File("real"), GraphOptimizationLevel.ORT_ENABLE_ALL, output, [given]), Network(), _folder.File("int8"), output, [given]);

        (string, string) Write(string name, OnnxInt8Options? int8)
        {
            using FileStream stream = File.Create(_folder.File(name));
            return OnnxPartExport.Write(pipeline.Root, part, stream, height, part == PipelinePart.TextEncoder ? 0 : width, int8: int8);
        }

        // A corner of it; latents are decoded divided by the configuration's scaling_factor.
        float[] Picture()
        {
            bool decodes = part == PipelinePart.Decoder;
            float[] all = ChannelsFirst(Drawn(decodes ? model with { Pipeline = null, Decoder = null } : model, guidance: 1, "red"), channels);
            int side = decodes ? model.Width : model.Picture.Width;
            return [.. Enumerable.Range(0, channels * height * width).Select(i => all[((i / (height * width) * side) + i / width % height) * side + i % width] / (decodes ? 0.5f : 1))];
        }

        Network Network()
        {
            string folder = pipeline.File(part == PipelinePart.TextEncoder ? "text_encoder" : "vae");
            using ModelWeights weights = PartImporter.OpenWeights(folder, part == PipelinePart.TextEncoder, []);
            return PartImporter.Import(ConfigurationReader.Open(Path.Combine(folder, "config.json")), weights, part, height, width).Network;
        }
    }

    [Fact]
    public void What_no_range_can_be_found_for_is_refused()
    {
        using var pipeline = new TinyPipeline();
        Refused<ArgumentException>("prompt", () => OnnxExport.Write(PipelineImporter.Load(pipeline.Root), Stream.Null, int8: new(_device)));
        Refused<ArgumentException>("encoder_hidden_states", () => OnnxExport.Write(DiffusersImporter.Load(pipeline.Root, tokens: 8), Stream.Null, int8: new(_device)));
        Refused<ArgumentException>("prompts", () => OnnxPartExport.Write(pipeline.Root, PipelinePart.TextEncoder, Stream.Null, width: 0, int8: new(_device)));
        Refused<ArgumentException>("pipeline", () => OnnxPartExport.Write(pipeline.File("vae"), PipelinePart.Decoder, Stream.Null, int8: new(_device)));
        Synthesizer.Write(TinyInpainting.Recipe, _folder.File("inpainting"), 3);
        Refused<NotSupportedException>("mask", () => OnnxExport.Write(PipelineImporter.Load(_folder.File("inpainting")), Stream.Null, int8: new(_device) { Prompts = ["ab"] }));
        Assert.Equal(ExitCode.BadInput, ExitCode.Of(ExportCommand.Create().Parse([pipeline.Root, "--onnx", _folder.File("out.onnx"), "--guidance", "2"])));

        static void Refused<T>(string because, Action export) where T : Exception => Assert.Contains(because, Assert.Throws<T>(export).Message, StringComparison.Ordinal);
    }

    /// <summary>Exports a pipeline's network and compares it with its FP32 form.</summary>
    private void Check(ImportedModel model, OnnxInt8Options int8)
    {
        string path = _folder.File("int8.onnx");
        using (FileStream stream = File.Create(path)) OnnxExport.Write(model, stream, int8: int8);
        Near(model, path, int8);
    }

    private void Near(ImportedModel model, string path, OnnxInt8Options int8)
    {
        PromptContexts contexts = model.Labels?.Contexts(model.NullLabel) ?? model.Text!.Encode([int8.Prompts[0]], null, _device);
        float[] state = Drawn(model with { Pipeline = null, Decoder = null }, int8.Guidance, [.. int8.Prompts.Take(1)]), epsilon = new float[state.Length];
        List<(string, Array, long[])> inputs = [("sample", ChannelsFirst(state, model.Channels), [1, model.Channels, model.Height, model.Width]), ("timestep", new long[] { 1 }, [1])];
        using NetworkEvaluator evaluator = InterpreterEngine.Evaluator(model, [1], _device, 1);
        foreach (Map map in model.Network.Inputs.Select(name => model.Network.Maps.Single(m => m.Name == name)))
        {
            float[] values = contexts.Of(map.Name, [0]);
            evaluator.Give(map.Name, values);
            inputs.Add((map.Name, values, [1, map.Pixels, map.Channels]));
        }

        evaluator.Evaluate(0, InterpretedStep.Float32, state, [], epsilon);
        Near(ChannelsFirst(epsilon, model.Channels), model.Network, path, "epsilon", inputs);
    }

    /// <summary>The difference to FP32, relative to its root mean square. Numbers of a bell's shape that reach four standard deviations σ each way, in 255 steps, are off by 8σ/255/√12, 1 % of σ,
    /// and so are a layer's weights: if each of L layers adds as much as that, by itself, √(2L) %. Measured were 0.8 to 11 %, between a fifth and seven tenths of that. Optimized, every layer is one
    /// operator of integers; numbers are rounded alike but for those near a half, from where on the two differ as two roundings do.</summary>
    private static void Near(float[] expected, Network network, string path, string output, IReadOnlyList<(string, Array, long[])> inputs)
    {
        double most = 0.01 * Math.Sqrt(2 * WholeConvolution.In(network).Count);
        string fused = path + ".fused";
        float[] plain = Run(path, GraphOptimizationLevel.ORT_DISABLE_ALL, output, inputs), optimized = Run(path, GraphOptimizationLevel.ORT_ENABLE_ALL, output, inputs, fused);
        Assert.Equal(WholeConvolution.In(network).Count, new ProtobufReader(File.ReadAllBytes(fused)).Message(7).Messages(1).Count(node => node.Text(4) == "QLinearConv"));
        Assert.InRange(Difference(expected, plain), 1e-3, most);
        Assert.InRange(Difference(expected, optimized), 1e-3, most);
        Assert.InRange(Difference(plain, optimized), 0, most);
    }

    private static double Difference(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        return Math.Sqrt(expected.Zip(actual, (e, a) => Math.Pow(e - a, 2)).Sum() / expected.Sum(e => Math.Pow(e, 2)));
    }

    private static float[] Run(string path, GraphOptimizationLevel level, string output, IReadOnlyList<(string, Array, long[])> inputs, string? optimized = null)
    {
        // It warns that an optimized model is for this kind of processor alone.
        using var options = new SessionOptions { GraphOptimizationLevel = level, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        if (optimized is not null) options.OptimizedModelFilePath = optimized;
        // Sums of two products of an unsigned and a signed byte may leave 16 bits where there is no VNNI; this keeps them.
        options.AddSessionConfigEntry("session.x64quantprecision", "1");
        using var session = new InferenceSession(path, options);
        return OnnxFamiliesTests.Run(session, output, inputs);
    }

    /// <summary>What the network's maps hold for stored inputs.</summary>
    private ActivationRanges Ranges(ImportedModel model, List<(string Name, Array Values, long[] Shape)> inputs, float[] timesteps)
    {
        int images = (int)inputs[0].Shape[0], pixels = model.Height * model.Width;
        float[][] states = [.. GoldenFile.ToChannelsLast((float[])inputs[0].Values, pixels, model.Channels).Chunk(pixels * model.Channels)];
        using var evaluator = new NetworkEvaluator(model.Network, images, model.TensorBytes(timesteps), _device, 1);
        var collector = new RangeCollector(evaluator.Interpreter);
        for (int image = 0; image < images; image++)
        {
            foreach (var (name, values, _) in inputs.Where(i => model.Network.Inputs.Contains(i.Name)))
            {
                float[] all = values as float[] ?? [.. ((long[])values).Select(v => (float)v)];
                evaluator.Give(name, all.AsSpan(image * all.Length / images, all.Length / images));
            }

            int[] labels = [.. inputs.Where(i => i.Name == "label").Select(i => (int)((long[])i.Values)[image])];
            evaluator.Evaluate(image, InterpretedStep.Float32, states[image], labels, new float[pixels * model.OutputChannels], collector.Observe);
        }

        return collector.Ranges;
    }

    /// <summary>What is drawn first where ranges are found: beyond them the error has no bound.</summary>
    private float[] Drawn(ImportedModel model, float guidance, params string[] prompts)
    {
        using var sampler = new Float32Sampler(model, model.Scheduler.Run("ddim", 20, eta: 0).Program, _device);
        return sampler.Draw(new() { Prompts = prompts, Labels = model.Labels is null ? [] : [0], Guidance = guidance }).Pixels.ToArray();
    }

    /// <summary>Of one picture.</summary>
    private static float[] ChannelsFirst(float[] pixels, int channels) => [.. Enumerable.Range(0, pixels.Length).Select(i => pixels[i % (pixels.Length / channels) * channels + i / (pixels.Length / channels)])];
}
