using System.Text.Json;
using Specializer.Manifest;
using Specializer.Packing;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class InspectionTests
{
    private static readonly string Artefact = Path.Combine(ModelFolder.Source, "mnist.calibration.json");
    private static readonly string EmojiArtefact = Path.Combine(ModelFolder.Source, "..", "emoji", "emoji-ddim.calibration.json");

    [Fact]
    public void A_models_layers_add_up()
    {
        ModelInspection inspection = ModelInspection.Of(ModelFolder.Source);
        Network network = DiffusersImporter.Load(ModelFolder.Source).Network;
        Assert.Equal(NetworkCost.MultiplyAccumulates(network), inspection.Layers.Sum(l => l.MultiplyAccumulates));
        Assert.Equal(WeightTensors.Of(network, 0).Values.Sum(t => t.Bytes), inspection.Layers.Sum(l => l.WeightBytes));
        Assert.Equal(["embedding", .. network.Operations.Select(o => o.Name)], inspection.Layers.Select(l => l.Name));
        Assert.Equal(("mnist", false, "F32", 1_114_209L), (inspection.Name, inspection.IsArtifact, inspection.Storage, inspection.Parameters));
        Assert.Empty(inspection.Refused);
        Assert.Contains(inspection.Notes, n => n.Contains("artefact", StringComparison.Ordinal));
        // 1 input, 32 outputs, 3×3, and biases.
        Assert.Equal((320, 1280, 32), Layer("conv_in"));
        Assert.Equal((64, 256, 32), Layer("down_blocks.0.resnets.0.norm1"));

        (long, long, int) Layer(string name)
        {
            LayerInspection layer = inspection.Layers.Single(l => l.Name == name);
            return (layer.Parameters, layer.WeightBytes, layer.WeightBits);
        }
    }

    /// <summary>Of the network that is sampled, keys and values of the text run once a call, and are no work of a step.</summary>
    [Fact]
    public void Each_layer_has_its_binding_time()
    {
        using var pipeline = new TinyPipeline();
        ModelInspection inspection = ModelInspection.Of(pipeline.Root);
        var times = inspection.Layers.ToDictionary(l => l.Name, l => l.BindingTime, StringComparer.Ordinal);
        Assert.All(times, t => Assert.Equal(
            t.Key.StartsWith("text_encoder.", StringComparison.Ordinal) || (t.Key.Contains("attn2.to_k", StringComparison.Ordinal) && !t.Key.StartsWith("vae.", StringComparison.Ordinal)) ? "call"
            : t.Key.StartsWith("decoder.", StringComparison.Ordinal) ? "end" : "step", t.Value));
        Assert.Equal(["call", "end", "step"], times.Values.Distinct().Order());
        var printed = new StringWriter(System.Globalization.CultureInfo.InvariantCulture);
        InspectCommand.Run(pipeline.Root, false, printed);
        Assert.Contains(FormattableString.Invariant($"{inspection.Layers.Where(l => l.BindingTime == "step").Sum(l => l.MultiplyAccumulates):N0} multiply-accumulates for one image and step"), printed.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_artefacts_bytes_are_those_of_its_weights()
    {
        ModelInspection model = ModelInspection.Of(ModelFolder.Source), artefact = ModelInspection.Of(Artefact);
        Assert.True(artefact.IsArtifact);
        // What is said of a folder, with 4-bit weights, is what comes of it.
        Assert.Equal(artefact.Sampler!.WeightBytes, model.Sampler!.WeightBytes);
        Assert.Equal(ModelInspection.Of(EmojiArtefact).Sampler!.BitOperations, ModelInspection.Of(Path.GetDirectoryName(EmojiArtefact)!).Sampler!.BitOperations);
        Assert.InRange(model.CalibrationBytes, 512L << 20, 2L << 30);
        Assert.Equal(50, artefact.StepsByActivationBits.Values.Sum());
        Assert.InRange(artefact.Layers.Sum(l => l.WeightBytes), 1, new FileInfo(Path.Combine(ModelFolder.Source, "mnist.weights.safetensors")).Length);
        LayerInspection full = model.Layers.Single(l => l.Name == "mid_block.resnets.0.conv1"), quantized = artefact.Layers.Single(l => l.Name == full.Name);
        Assert.Equal((full.Parameters, full.MultiplyAccumulates, 4), (quantized.Parameters, quantized.MultiplyAccumulates, quantized.WeightBits));
        // 64·64·9 weights of half a byte; 64 scales and 64 biases.
        Assert.Equal(64 * 64 * 9 / 2 + 64 * 8, quantized.WeightBytes);

        using var folder = new TemporaryFolder();
        foreach (string name in (string[])["mnist.calibration.json", "mnist.weights.safetensors"]) File.Copy(Path.Combine(ModelFolder.Source, name), folder.File(name));
        Assert.True(ModelInspection.Of(folder.Root).IsArtifact);
    }

    [Fact]
    public void What_is_refused_is_listed_and_is_exit_code_1()
    {
        using ModelFolder folder = new ModelFolder().With("act_fn", "\"selu\"").With("cross_attention_dim", "512");
        Assert.Equal(["act_fn", "cross_attention_dim"], ModelInspection.Of(folder.Root).Refused.Select(r => r.Key).Order());
        Assert.Equal(1, Run(out string text, folder.Root));
        Assert.Contains("act_fn", text);
        Assert.Contains("cross_attention_dim", text);
    }

    /// <summary>Each part has a <c>config.json</c>: which is meant shows by its folder.</summary>
    [Fact]
    public void What_is_ignored_of_every_part_is_listed_by_its_folder()
    {
        using var pipeline = new TinyPipeline();
        pipeline.Replace("text_encoder/config.json", "\"hidden_act\"", "\"initializer_range\": 0.02, \"hidden_act\"");
        pipeline.Replace("unet/config.json", "\"norm_num_groups\"", "\"dropout\": 0.0, \"norm_num_groups\"");
        Assert.Equal([(pipeline.File("text_encoder/config.json"), "initializer_range"), (pipeline.File("unet/config.json"), "dropout"), (pipeline.File("vae/config.json"), "sample_size")],
            ModelInspection.Of(pipeline.Root).Ignored.Select(i => (Path.GetFullPath(i.File), i.Key)).Order());
        Assert.Equal(0, Run(out string text, pipeline.Root));
        foreach (string line in (string[])["text_encoder/config.json: initializer_range", "unet/config.json: dropout", "vae/config.json: sample_size"]) Assert.Contains(line, text);
        // Where it is used, what is known to change nothing is no remark.
        Assert.Empty(ModelText.Remarks(PipelineImporter.Load(pipeline.Root)));
    }

    [Theory]
    [InlineData("vae/config.json", "\"act_fn\": \"silu\"", "act_fn", "\"mish\"", "Supported: \"silu\"")]
    [InlineData("text_encoder/config.json", "\"hidden_act\": \"quick_gelu\"", "hidden_act", "\"selu\"", "Supported: \"quick_gelu\", \"gelu\"")]
    [InlineData("model_index.json", "\"text_encoder\": [\"transformers\", \"CLIPTextModel\"]", "text_encoder", "\"T5EncoderModel\"", "a \"CLIPTextModel\"")]
    public void What_is_refused_of_a_part_is_named_with_its_file(string file, string before, string key, string value, string why)
    {
        using var pipeline = new TinyPipeline();
        pipeline.Replace(file, before, before.Contains('[', StringComparison.Ordinal) ? before.Replace("\"CLIPTextModel\"", value, StringComparison.Ordinal) : $"\"{key}\": {value}");
        ModelInspection inspection = ModelInspection.Of(pipeline.Root);
        UnsupportedSetting refused = Assert.Single(inspection.Refused);
        Assert.Equal((pipeline.File(file), key, value), (Path.GetFullPath(refused.File), refused.Key, refused.Value));
        Assert.Contains(why, refused.Supported);
        // The network is looked at all the same.
        Assert.NotEmpty(inspection.Layers);
        Assert.Contains(inspection.Notes, n => n.Contains("without the other parts", StringComparison.Ordinal));
        Assert.Equal(1, Run(out string text, pipeline.Root));
        Assert.Contains($"refused: {Path.GetFileName(Path.GetDirectoryName(pipeline.File(file)))}/{Path.GetFileName(file)}: {key} = {value}", text);
    }

    [Fact]
    public void What_is_refused_of_the_network_and_of_a_part_is_listed_together()
    {
        using var pipeline = new TinyPipeline();
        pipeline.Replace("vae/config.json", "\"act_fn\": \"silu\"", "\"act_fn\": \"mish\"");
        pipeline.Replace("unet/config.json", "\"norm_num_groups\"", "\"act_fn\": \"selu\", \"norm_num_groups\"");
        Assert.Equal([("unet", "\"selu\""), ("vae", "\"mish\"")], ModelInspection.Of(pipeline.Root).Refused.Select(r => (Path.GetFileName(Path.GetDirectoryName(r.File))!, r.Value)).Order());
    }

    /// <summary>As <c>verify</c> takes it, and as it is shown within its pipeline.</summary>
    [Theory]
    [InlineData("vae", "AutoencoderKL", "decoder", "at the end")]
    [InlineData("text_encoder", "CLIPTextModel", "text_encoder", "once a call")]
    public void A_part_by_itself_is_shown_as_within_its_pipeline(string folder, string architecture, string name, string runs)
    {
        using var pipeline = new TinyPipeline();
        ModelInspection part = ModelInspection.Of(pipeline.File(folder), folder == "vae" ? (16, 16) : null), whole = ModelInspection.Of(pipeline.Root);
        Assert.Equal((folder, architecture), (part.Name, part.Architecture));
        NetworkInspection network = Assert.Single(part.Networks), within = whole.Networks.Single(n => n.Name == name);
        Assert.Equal((name, runs, within.Parameters, within.MultiplyAccumulates), (network.Name, network.Runs, network.Parameters, network.MultiplyAccumulates));
        // Within the pipeline, the factor of latents is an operation.
        Assert.Equal(whole.Layers.Where(l => l.Name.StartsWith($"{name}.", StringComparison.Ordinal) && l.Name != "decoder.scaling_factor").Select(l => l.Name), part.Layers.Select(l => l.Name));
        Assert.Equal(within.Parameters, part.Parameters);
        Assert.True(part.ActivationBytes > 0);
        Assert.Contains(part.Notes, n => n.Contains("verify", StringComparison.Ordinal));
        Assert.Equal(0, Run(out string text, pipeline.File(folder)));
        Assert.Contains(architecture, text);
        Assert.DoesNotContain("unconditional", text);
        Assert.DoesNotContain("and step", text);
    }

    [Fact]
    public void A_part_by_itself_has_no_other_size_or_layers_than_it_can()
    {
        using var pipeline = new TinyPipeline();
        Assert.Contains("multiples of 2", Assert.Throws<ArgumentException>(() => ModelInspection.Of(pipeline.File("vae"), (17, 16))).Message, StringComparison.Ordinal);
        Assert.Contains("clip skip", Assert.Throws<ArgumentException>(() => ModelInspection.Of(pipeline.File("vae"), clipSkip: 1)).Message, StringComparison.Ordinal);
        Assert.Contains("size", Assert.Throws<ArgumentException>(() => ModelInspection.Of(pipeline.File("text_encoder"), (16, 16))).Message, StringComparison.Ordinal);
        pipeline.Replace("vae/config.json", "\"act_fn\": \"silu\"", "\"act_fn\": \"mish\"");
        Assert.Equal("act_fn", Assert.Single(ModelInspection.Of(pipeline.File("vae")).Refused).Key);
    }

    [Fact]
    public void What_the_scheduler_asks_for_and_no_sampler_can_do_is_refused()
    {
        using var folder = new ModelFolder();
        string path = Path.Combine(folder.Root, "scheduler_config.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"fixed_small\"", "\"learned_range\"", StringComparison.Ordinal));
        Assert.Equal("variance_type", Assert.Single(ModelInspection.Of(folder.Root).Refused).Key);
    }

    [Fact]
    public void The_table_and_the_json_say_the_same()
    {
        Assert.Equal(0, Run(out string text, Artefact));
        Assert.Contains("down_blocks.0.resnets.0.conv1", text);
        Assert.Equal(0, Run(out string json, Artefact, json: true));
        Assert.Contains("estimated for this processor", text);
        using JsonDocument document = JsonDocument.Parse(json);
        Assert.InRange(document.RootElement.GetProperty("time").GetProperty("pictureSeconds").GetDouble(), double.Epsilon, double.MaxValue);
        Assert.Equal("mnist", document.RootElement.GetProperty("name").GetString());
        long bytes = document.RootElement.GetProperty("layers").EnumerateArray().Sum(l => l.GetProperty("weightBytes").GetInt64());
        Assert.Contains(bytes.ToString("N0", System.Globalization.CultureInfo.InvariantCulture), text);
    }

    [Fact]
    public void A_time_is_products_by_rates()
    {
        var rates = new ProcessorRates(4, 2, 1);
        TimeEstimate estimate = new SamplerWork(new(8, 4, 2), new(80, 40, 20), new(800, 400, 200), 10, 2).At(rates);
        Assert.Equal((120, 2 * 6 + 10 * 120 + 600), (estimate.StepSeconds, estimate.PictureSeconds));

        ModelInspection artefact = ModelInspection.Of(Artefact);
        // Without weights attention alone multiplies, in this artefact numbers of 8 bits.
        double seconds = artefact.Layers.Sum(l => l.MultiplyAccumulates / (l.WeightBits switch { 4 => 1.0, 8 or 0 => 2, _ => 4 }));
        TimeEstimate its = artefact.Sampler!.Time(rates);
        Assert.Equal((its.Evaluations * seconds, 50 * its.Evaluations * seconds, 50), (its.StepSeconds, its.PictureSeconds, its.Steps));
        // Text encoder and decoder do not run at every step.
        ModelInspection emoji = ModelInspection.Of(EmojiArtefact);
        TimeEstimate theirs = emoji.Sampler!.Time(new(1, 1, 1));
        double once = emoji.Networks[^1].MultiplyAccumulates + theirs.Evaluations * (emoji.Networks.SkipLast(1).Sum(n => n.MultiplyAccumulates) - theirs.StepSeconds / theirs.Evaluations);
        Assert.Equal(once + theirs.Steps * theirs.StepSeconds, theirs.PictureSeconds);
        Assert.InRange(once, emoji.Networks[^1].MultiplyAccumulates + 1, theirs.PictureSeconds);
    }

    [Fact]
    public void Rates_are_measured()
    {
        using var device = new CpuDevice(1);
        ProcessorRates rates = ProcessorRates.Measure(device);
        Assert.All((double[])[rates.Float32, rates.EightBit, rates.FourBit], rate => Assert.InRange(rate, double.Epsilon, double.MaxValue));
    }

    [Fact]
    public void A_decoders_tiles_all_count()
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(EmojiArtefact);
        CalibrationManifest manifest = artifact.Manifest;
        Network decoder = manifest.Decoder!.Network;
        Network half = decoder with { Maps = decoder.Maps.Select(m => m.Name == decoder.Latent ? m with { Height = m.Height / 2, Width = m.Width / 2 } : m).ToEquatableArray() };
        Assert.Equal(1, SamplerPrediction.DecoderTiles(manifest));
        // Halves that share a row leave one, for a third tile.
        Assert.Equal(9, SamplerPrediction.DecoderTiles(manifest with { DecoderOverlap = 1, Decoder = manifest.Decoder with { Network = half } }));
        NetworkInspection one = Decoder(1), nine = Decoder(9);
        Assert.Equal((9 * one.MultiplyAccumulates, "at the end, for each of 9 tiles"), (nine.MultiplyAccumulates, nine.Runs));
        LinkedNetwork linked = LinkedNetwork.Of(manifest);
        Assert.Equal(one.MultiplyAccumulates * 9.0, SamplerWork.Of(linked, 1, guided: true, 9).End.Seconds(new(1, 1, 1)));

        NetworkInspection Decoder(int tiles) => NetworkInspection.Of([], manifest.Network, ("decoder", decoder), 1, tiles).Networks[^1];
    }

    [Theory]
    [InlineData(0.0123, "12 ms")]
    [InlineData(0.4567, "460 ms")]
    [InlineData(7.891, "7.9 s")]
    [InlineData(1234, "1,200 s")]
    public void Estimates_have_two_digits(double seconds, string text) => Assert.Equal(text, InspectCommand.Seconds(seconds));

    [Fact]
    public void Nothing_there_is_exit_code_2() => Assert.Equal(2, ExitCode.Of(InspectCommand.Create().Parse([Path.Combine(ModelFolder.Source, "nothing")])));

    private static int Run(out string text, string path, bool json = false)
    {
        using var output = new StringWriter();
        int code = InspectCommand.Run(path, json, output);
        text = output.ToString();
        return code;
    }
}
