using System.Text.Json.Nodes;
using Specializer.Manifest;
using Specializer.Tests;
using JsonNode = System.Text.Json.Nodes.JsonNode;

namespace Specializer.Generator.Tests;

public sealed class ManifestReaderTests
{
    [Fact]
    public void Reads_every_value()
    {
        CalibrationManifest manifest = Valid(new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true, Channels = 3, FirstStepsAtFourBits = 1 }.WithEveryOperation());
        Assert.Equal("tiny", manifest.Model.Name);
        Assert.Equal(2, manifest.Model.NullLabel);
        Assert.Equal(("ddpm", "0.0001"), (manifest.Scheduler.Family, manifest.Scheduler["beta_start"]));
        Assert.Equal(4, manifest.Sampling.GuidanceMaximum.Value);
        Assert.Equal("tiny.weights.safetensors", manifest.Weights.File);
        Assert.Equal(new Embedding(16, 3, 16), manifest.Network.Embedding);
        Assert.Equal(new Map("conv_in.q", 8, 8, 3, MapType.Quantized16), manifest.Network.Maps[1]);
        Assert.Equal(new QuantizeOperation("conv_in.quantize", "latent", "conv_in.q"), manifest.Network.Operations[0]);
        Assert.Equal(new ConvolutionOperation("down_blocks.0.resnets.0.conv2", "r1.q2", "h1", "h0", 3, 1, 1, 1, 1, 4, -1, new("0.70710678")), manifest.Network.Operations[5]);
        Assert.Equal(new GroupNormOperation("up_blocks.0.resnets.0.norm1", "h4", "u.qa", "h1", "u.qb", 4, new("1e-5"), true), manifest.Network.Operations[14]);
        Assert.Equal(new AttentionOperation("mid_block.attentions.0.attention", "a.qkv", "a.o", 2), manifest.Network.Operations[10]);
        Step step = manifest.Steps[0];
        Assert.Equal(("500", 4, "0.19", "0.189", "-0.01"), (step.Timestep.Token, step.ActivationBits, step.Sigma.Token, step.CalibratedSigma.Token, step.K.Token));
        Statement[] statements =
        [
            new LinearStatement(Register.Original, new([new(Register.State, new("1.0625")), new(Register.Prediction, new("-0.35"))])), new ClipStatement(Register.Original, new Number("1")),
            new DrawStatement(Register.Noise, 0),
            new LinearStatement(Register.State, new([new(Register.State, new("0.9")), new(Register.Original, new("0.1")), new(Register.Noise, new("0.19"))])),
        ];
        Assert.Equal(new Evaluation(new("500"), new("1"), new(statements)), step.Evaluation);
        Assert.Equal(new DrawStatement(Register.Noise, DrawStatement.Initial), manifest.Solver.Begin[0]);
        Assert.Equal([255, 15, 15, 15, 15, 15, 15, 255], step.Levels);
        Assert.Equal(16, step.Covariance.Count);
        Assert.Equal(12, step.Means.Count);
        NoiseStatistics statistics = Assert.Single(manifest.Statistics);
        Assert.Equal((4, 8, 1024, 256, "1.5"), (statistics.WeightBits, statistics.ActivationBits, statistics.Trajectories, statistics.FreeRunningTrajectories, statistics.K.High[1].Token));
        Assert.Equal(6, statistics.Bias.Count);
        Assert.Equal(new EquatableArray<string>(["--steps 2"]), manifest.Provenance.Options);
    }

    /// <summary>Calibration alone can make a program from settings; others see that one was changed without the other.</summary>
    [Theory]
    [InlineData("\"beta_end\": \"0.02\"", "\"beta_end\": \"0.03\"")]
    [InlineData("\"family\": \"ddpm\"", "\"family\": \"ddim\"")]
    [InlineData("\"by\": [130.14752, ", "\"by\": [130.5, ")]
    [InlineData("\"timestep\": 980,", "\"timestep\": 979,")]
    [InlineData("\"target\": \"d\", \"bound\": 1", "\"target\": \"d\", \"bound\": 2")]
    public void A_program_that_does_not_follow_from_its_settings_is_refused(string before, string after)
    {
        string text = File.ReadAllText(Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist", "mnist.calibration.json")), changed = text.Replace(before, after, StringComparison.Ordinal);
        Assert.NotEqual(text, changed);
        Assert.Empty(ManifestReader.Read(text).Errors);
        ManifestError error = Assert.Single(ManifestReader.Read(changed).Errors);
        Assert.Equal(ManifestErrorId.Contradiction, error.Id);
        Assert.Contains("do not belong together", error.Message, StringComparison.Ordinal);
        // What an earlier version wrote does not say.
        Assert.Empty(ManifestReader.Read(System.Text.RegularExpressions.Regex.Replace(changed, ", \"program\": \"[0-9a-f]{64}\"", "")).Errors);
    }

    [Fact]
    public void Optional_properties_may_be_absent()
    {
        JsonObject json = new ManifestBuilder().WithEveryOperation().ToJson();
        json.Remove("$schema");
        json.Remove("statistics");
        foreach (JsonNode? operation in json["network"]!["operations"]!.AsArray())
            foreach (string name in new[] { "residual", "skip", "skipOutput" })
                if (operation![name] is null) operation.AsObject().Remove(name);
        Assert.Empty(ManifestReader.Read(ManifestBuilder.Text(json)).Errors);
    }

    [Fact]
    public void Reads_several_networks()
    {
        CalibrationManifest manifest = Valid(new ManifestBuilder { Guided = true }.WithNetworks());
        Assert.Equal(["encoder_hidden_states"], manifest.Network.Inputs);
        TimelessNetwork encoder = Assert.Single(manifest.Encoders);
        Assert.Equal(("text_encoder", "ids", "encoder_hidden_states"), (encoder.Name, encoder.Network.Latent, encoder.Network.Epsilon));
        Assert.Equal((1, 100, 255), (encoder.Scales.Count, encoder.ZeroPoints[0], encoder.Levels[0]));
        Assert.Equal(("vae", "latent", "image"), (manifest.Decoder!.Name, manifest.Decoder.Network.Latent, manifest.Decoder.Network.Epsilon));
        Assert.Equal(new Prompt("ids", new([10, 11, 11, 11])) { Vocabulary = 72, Merges = 4 }, manifest.Prompt);
    }

    [Fact]
    public void Reads_every_kind_of_statement()
    {
        JsonObject json = new ManifestBuilder().WithOneConvolution().ToJson();
        json["steps"]![0]!["statements"] = JsonNode.Parse("""
            [
              { "op": "sum", "target": "h1", "of": ["x", "m"], "by": [0.5, -1e-3] },
              { "op": "threshold", "target": "h1", "quantile": 0.995, "maximum": 1.5 },
              { "op": "draw", "target": "z12", "draw": 0 },
              { "op": "sum", "target": "x", "of": ["h1", "z12"], "by": [1, 0.25] }
            ]
            """);
        Evaluation evaluation = Assert.IsType<CalibrationManifest>(ManifestReader.Read(ManifestBuilder.Text(json)).Manifest).Steps[0].Evaluation;
        Assert.Equal(new ThresholdStatement(Register.History(1), new("0.995"), new("1.5")), evaluation.Statements[1]);
        Assert.Equal(new DrawStatement(new(RegisterKind.Noise, 12), 0), evaluation.Statements[2]);
        Assert.Equal("0.25", evaluation.Sigma.Token);
    }

    [Fact]
    public void Equal_texts_give_equal_manifests()
    {
        string text = new ManifestBuilder().WithEveryOperation().ToString();
        Assert.Equal(ManifestReader.Read(text).Manifest, ManifestReader.Read(text).Manifest);
        Assert.Equal(ManifestReader.Read(text).Manifest!.GetHashCode(), ManifestReader.Read(text).Manifest!.GetHashCode());
    }

    [Fact]
    public void Several_mistakes_are_reported_in_the_order_of_the_text()
    {
        JsonObject json = new ManifestBuilder().WithOneConvolution().ToJson();
        json["steps"]![1]!["k"] = "x";
        json["model"]!["height"] = 0;
        json["scheduler"]!["family"] = 1;
        Assert.Equal(["SPZ008", "SPZ004", "SPZ004"], ManifestReader.Read(ManifestBuilder.Text(json)).Errors.Select(e => e.Id));
    }

    [Fact]
    public void Stops_after_a_hundred_mistakes()
    {
        JsonObject json = new ManifestBuilder { Steps = 200 }.WithOneConvolution().ToJson();
        foreach (JsonNode? step in json["steps"]!.AsArray()) step!["k"] = null;
        Assert.Equal(ErrorLog.Maximum, ManifestReader.Read(ManifestBuilder.Text(json)).Errors.Count);
    }

    [Fact]
    public void Messages_show_hostile_text_harmlessly_and_shortened()
    {
        JsonObject json = new ManifestBuilder().WithOneConvolution().ToJson();
        json["model"]!["name"] = "a\u202Eb\n" + new string('x', 10_000);
        ManifestError error = Assert.Single(ManifestReader.Read(ManifestBuilder.Text(json)).Errors);
        Assert.Contains(@"a\u202Eb\u000Axx", error.Message, StringComparison.Ordinal);
        Assert.InRange(error.Message.Length, 1, 300);
    }

    [Fact]
    public void The_search_for_the_name_that_was_meant_is_bounded()
    {
        Assert.Equal("conv_out", Names.Nearest("conv_uot", ["conv_in", "conv_out"]));
        int compared = 0;
        Assert.Null(Names.Nearest(new string('a', Names.MaximumLength), Enumerable.Range(0, ManifestLimits.Maps).Select(_ =>
        {
            compared++;
            return new string('b', Names.MaximumLength);
        })));
        Assert.InRange(compared, 10, 1000);
    }

    /// <summary>Damaged files give errors or another valid manifest; they never throw, and what is accepted can be laid out.</summary>
    [Fact]
    public void Never_throws_on_damaged_files()
    {
        string[] originals =
        [
            new ManifestBuilder().WithOneConvolution().ToString(),
            ManifestBuilder.Compact(new ManifestBuilder { Classes = 2, EmbeddingWidth = 4, Guided = true, Steps = 1 }.WithEveryOperation().ToJson()),
            ManifestBuilder.Compact(new ManifestBuilder { Guided = true }.WithNetworks().ToJson()),
        ];
        char[] alphabet = [.. "{}[]\",:.-+eE0123456789abtnul\\ \n\u0000\u2028\uD800\uFFFD"];
        var random = new Random(11);
        int accepted = 0;
        for (int i = 0; i < 100_000; i++)
        {
            char[] text = originals[i % 10 == 0 ? 1 : i % 10 == 1 ? 2 : 0].ToCharArray();
            int length = random.Next(10) == 0 ? random.Next(text.Length) : text.Length;
            for (int edits = random.Next(1, 4); edits > 0 && length > 0; edits--)
                text[random.Next(length)] = random.Next(2) == 0 ? alphabet[random.Next(alphabet.Length)] : text[random.Next(text.Length)];
            var damaged = new string(text, 0, length);
            ManifestResult result = ManifestReader.Read(damaged);
            Assert.True(result.Manifest is null != (result.Errors.Count == 0), damaged);
            Assert.DoesNotContain(result.Errors, e => e.Id == ManifestErrorId.Internal);
            if (result.Manifest is not { } manifest) continue;
            accepted++;
            var linked = LinkedNetwork.Of(manifest);
            _ = new BufferPlan(linked);
            _ = new WeightLayout(linked.Network, manifest.Steps.Count);
        }

        Assert.True(accepted > 100, $"Only {accepted} damaged manifests stayed valid.");
    }

    private static CalibrationManifest Valid(ManifestBuilder builder)
    {
        ManifestResult result = ManifestReader.Read(builder.ToString());
        Assert.Empty(result.Errors);
        return result.Manifest!;
    }
}
