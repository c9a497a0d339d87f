using System.Text.Json.Nodes;
using Specializer.Generator.Emit;
using Specializer.Generator.Model;
using Specializer.Generator.Parsing;
using Specializer.Manifest;
using JsonNode = System.Text.Json.Nodes.JsonNode;

namespace Specializer.Generator.Tests;

/// <summary>What a sound manifest may say and the snapshots do not: each is printed, and compiles.</summary>
public sealed class VariantTests
{
    private static readonly (ManifestBuilder Builder, Action<JsonObject> Change, string[] Printed)[] s_variants =
    [
        (One(), j => j["sampling"]!["varianceCorrection"] = false, ["Variance correction: off."]),
        (One(), j => j["model"]!["embeddedGuidance"] = 8.5, ["EmbeddedGuidance = 8.5f,"]),
        (One(), j => j["sampling"]!["clampK"] = false, ["(ε̂ − μ)/(1 + k)."]),
        (One(), j => j["scheduler"]!["settings"]!["eta"] = "1.5", ["Solver: ddpm, η = 1.5."]),
        (One(), j => j["scheduler"]!["settings"]!["eta"] = "*/1", ["Solver: ddpm."]),
        (One(), j => j["scheduler"]!["settings"]!["eta"] = "/1", ["Solver: ddpm."]),
        (One(), j => j["scheduler"]!["settings"]!["eta"] = ":1", ["Solver: ddpm."]),
        (One(), j => j["steps"]![0]!["offset"]![0] = 0, ["correction: new(0.971f, [])"]),
        (One(), j => j["steps"]![0]!["gain"] = 1, ["correction: new(1f, [-0.0012f])"]),
        (One(), j => (j["steps"]![0]!["gain"], j["steps"]![0]!["offset"]![0]) = (1, 0), ["Evaluate(run, step: 0, correction: default);", "Evaluate(run, step: 1, correction: new(0.971f, [-0.0012f]));", "Maps.Latent, Maps.Epsilon, correction: correction);"]),
        (new ManifestBuilder { Guided = true, MeanCorrection = "off", Classes = 3, EmbeddingWidth = 16 }.WithEveryOperation(), _ => { }, ["MeanCorrectionKind.Off, correctVariance: true", "Mean correction: off."]),
        (new ManifestBuilder { Guided = true, MeanCorrection = "divide", Classes = 3, EmbeddingWidth = 16 }.WithEveryOperation(), _ => { }, ["MeanCorrectionKind.Divide", "new global::Specializer.CompilerServices.StepSigma(0.189f) * Z0"]),
        (One(), j => j["steps"]![0]!["inputScale"] = 0.5, ["SolverRegister Input => new(Maps.Latent, bothHalves: true);", "Input.Set(0.5f * X)", "Input.Set(1f * X)", "SolverRegister X => new(Maps.State);", "Input = Maps.Latent,", "Latent = Maps.State,"]),
        (One(), j => j["solver"]!["end"] = new JsonArray(ManifestBuilder.Sum("x", ("x", 2))), ["override void RunEnd(", "run.Solve<Map8x8x1Float>(step: 2,", "X.Set(2f * X)"]),
        (One(), j => Insert(j, new JsonObject { ["op"] = "threshold", ["target"] = "d", ["quantile"] = 0.995, ["maximum"] = 1.5 }, 1), ["run.Threshold<Map8x8x1Float>(step: 0, D, quantile: 0.995f, maximum: 1.5f);", "SolverRegister D => new(Maps.Original);"]),
        (One(), j => { Insert(j, ManifestBuilder.Sum("h0", ("m", 1)), 0); Insert(j, ManifestBuilder.Sum("s1", ("x", 1)), 0); }, ["SolverRegister H0 => new(Maps.History0);", "SolverRegister S1 => new(Maps.Saved1);", "S1.Set(1f * X)"]),
        (One(), j => { Insert(j, ManifestBuilder.Draw(0), 0); Insert(j, new JsonObject { ["op"] = "threshold", ["target"] = "d", ["quantile"] = 1, ["maximum"] = 1 }, 2); Statements(j).RemoveAt(4); }, ["SolverRegister Z0 => new(Maps.Noise0);", "Z0.Draw(0)"]),
        (One(), j => j["steps"]![0]!["statements"]![2]!["draw"] = 1, ["Z0.Draw(1)", "run.Solve<Map8x8x1Float>(step: 0,"]),
        (new ManifestBuilder { Variance = true }.WithNetworks(), j => Insert(j, new JsonObject { ["op"] = "rootSigma", ["target"] = "z0" }, 3), ["SolverRegister V => new(Maps.Variance);", "Z0.ScaleByRoot(V)"]),
        (new ManifestBuilder { Variance = true }.WithNetworks(), j => Insert(j, new JsonObject { ["op"] = "exponentialSigma", ["target"] = "z0", ["slope"] = 0.5, ["offset"] = -1 }, 3), ["Z0.ScaleByExponential(V, 0.5f, -1f)"]),
        (new ManifestBuilder { Variance = true }.WithNetworks(), j => { Insert(j, new JsonObject { ["op"] = "rootSigma", ["target"] = "z0" }, 3); j["steps"]![0]!["removedVariance"] = 0.0625; }, ["Z0.ScaleByRoot(V, new global::Specializer.CompilerServices.StepSigma(0.0625f))", ", c = 0.0625, SNR"]),
        // Under guidance c is each picture's own, and has its place even where it is 0.
        (new ManifestBuilder { Variance = true, Guided = true }.WithNetworks(), j => Insert(j, new JsonObject { ["op"] = "exponentialSigma", ["target"] = "z0", ["slope"] = 0.5, ["offset"] = -1 }, 3), ["Z0.ScaleByExponential(V, 0.5f, -1f, new global::Specializer.CompilerServices.StepSigma(0f))"]),
        (new ManifestBuilder { Variance = true, Guided = true }.WithNetworks(), j => { Insert(j, new JsonObject { ["op"] = "rootSigma", ["target"] = "z0" }, 3); j["sampling"]!["varianceCorrection"] = false; }, ["Z0.ScaleByRoot(V)"]),
        (new ManifestBuilder { Pictures = true }.WithOneConvolution(), j => j["steps"]![1]!.AsObject().Remove("start"), ["new(0.6f, 0.8f),", "null,", "Pictures = new(Maps.Known, Maps.Mask,", "\n        ]),\n", "switch (run.Age(0))"]),
        (new ManifestBuilder { Guided = true }.WithNetworks(), j => { j["prompt"]!.AsObject().Remove("vocabulary"); j["prompt"]!.AsObject().Remove("merges"); }, ["Prompt = new(\"ids\", [10, 11, 11, 11]),"]),
        (new ManifestBuilder { Guided = true }.WithNetworks(), j => { j["encoders"]![0]!["operations"]![0] = Convolution(); }, ["new(\"ids\", Maps.Ids, 1, 4, 1),"]),
        (new ManifestBuilder().WithMapOperations(), j => Activation(j, "silu"), ["Nonlinearity.Silu"]),
        (new ManifestBuilder().WithMapOperations(), j => Activation(j, "relu"), ["Nonlinearity.Relu"]),
        (new ManifestBuilder().WithMapOperations(), j => Activation(j, "mish"), ["Nonlinearity.Mish"]),
        (new ManifestBuilder().WithMapOperations(), j => Activation(j, "tanh"), ["Nonlinearity.Tanh"]),
        (new ManifestBuilder().WithMapOperations(), j => Activation(j, "quick_gelu"), ["Nonlinearity.QuickGelu"]),
        (new ManifestBuilder { Guided = true, TextPair = true }.WithNetworks(), _ => { }, ["Second = \"ids_2\", Filling = 5, None = \"none\" },", "run.Select<Map1x4x8Float>("]),
        (One(), j => { JsonNode conv = j["network"]!["operations"]![0]!; (conv["kernelSize"], conv["paddingTop"], conv["paddingLeft"]) = (5, 2, 2); }, ["Convolution5x5On8x8x1To1W32"]),
        (Skip(), _ => { }, [", skip: Maps.H, ySkip: Maps.NSkip);"]),
    ];

    public static TheoryData<int> Variants => [.. Enumerable.Range(0, s_variants.Length)];

    [Theory]
    [MemberData(nameof(Variants))]
    public void Each_is_printed_and_compiles(int index)
    {
        var (builder, change, printed) = s_variants[index];
        JsonObject json = builder.ToJson();
        change(json);
        Generated generated = GeneratorHarness.Run(ManifestBuilder.Text(json));
        Assert.Empty(generated.Diagnostics);
        string source = generated.Compiles().Source;
        Assert.All(printed, text => Assert.Contains(text, source, StringComparison.Ordinal));
    }

    /// <summary>A project that refers to Specializer.Text loads samplers with their tokenizer.</summary>
    [Fact]
    public void Prompts_are_read_where_the_project_can()
    {
        CalibrationManifest manifest = ManifestReader.Read(new ManifestBuilder { Guided = true }.WithNetworks().ToString()).Manifest!;
        string Emit(CalibrationManifest of, bool reads) => SamplerEmitter.Emit(SamplerModelBuilder.Build(of, new("N", "C", "internal"), new(true, false, null) { ReadsPrompts = reads }), default);
        string read = Emit(manifest, true);
        Assert.Contains("public static C Load(global::Specializer.Device? device = null)\n", read, StringComparison.Ordinal);
        Assert.Contains("sampler.Tokenizer = global::Specializer.Text.ClipTokenizer.Of(sampler);", read, StringComparison.Ordinal);
        Assert.DoesNotContain("Tokenizer", Emit(manifest, false), StringComparison.Ordinal);
        Assert.DoesNotContain("Tokenizer", Emit(ManifestReader.Read(One().ToString()).Manifest!, true), StringComparison.Ordinal);
    }

    [Fact]
    public void Printing_ends_when_it_is_cancelled()
    {
        SamplerModel model = SamplerModelBuilder.Build(ManifestReader.Read(One().ToString()).Manifest!, new("N", "C", "internal"), new(true, false, null));
        Assert.Throws<OperationCanceledException>(() => SamplerEmitter.Emit(model, new(canceled: true)));
    }

    private static ManifestBuilder One() => new ManifestBuilder().WithOneConvolution();

    /// <summary>A group norm of two maps into FP32.</summary>
    private static ManifestBuilder Skip()
    {
        var builder = new ManifestBuilder();
        builder.Convolution("conv_in", builder.Map("latent", 8, 1), builder.Map("h", 8, 4), weightBits: 32);
        builder.GroupNorm("norm", "h", builder.Map("n", 8, 4), "h", builder.Map("n.skip", 8, 4));
        builder.Convolution("conv_mid", "n", builder.Map("a", 8, 4), weightBits: 32);
        builder.Convolution("conv_add", "n.skip", builder.Map("b", 8, 4), residual: "a", weightBits: 32);
        builder.Convolution("conv_out", "b", builder.Map("epsilon", 8, 1), weightBits: 32);
        return builder;
    }

    private static JsonArray Statements(JsonObject json) => json["steps"]![0]!["statements"]!.AsArray();

    private static void Insert(JsonObject json, JsonObject statement, int at) => Statements(json).Insert(at, statement);

    private static void Activation(JsonObject json, string function) => json["network"]!["operations"]!.AsArray().Single(o => o!["name"]!.GetValue<string>() == "activation")!["function"] = function;

    private static JsonNode Convolution() => JsonNode.Parse("""
        { "op": "convolution", "name": "embeddings", "input": "ids", "output": "rows", "kernelSize": 1, "stride": 1, "paddingTop": 0, "paddingLeft": 0, "upsample": 1, "weightBits": 32, "vector": -1, "outputScale": 1 }
        """)!;
}
