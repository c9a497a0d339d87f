using System.Globalization;
using System.Text.Json.Nodes;
using Specializer.Generator.Emit;
using Specializer.Generator.Model;
using Specializer.Generator.Parsing;
using Specializer.Manifest;
using JsonNode = System.Text.Json.Nodes.JsonNode;

namespace Specializer.Generator.Tests;

public sealed class EmissionTests
{
    private static readonly string s_everything =
        new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true, FirstStepsAtFourBits = 1 }.WithEveryOperation().ToString();

    [Fact]
    public void Two_runs_print_the_same() => Assert.Equal(GeneratorHarness.Run(s_everything).Source, GeneratorHarness.Run(s_everything).Source);

    /// <summary>The signs and separators of fi-FI, tr-TR and ar-SA. (They are set by hand, as the tests run without a culture database.)</summary>
    [Theory]
    [InlineData("\u2212", ",", "\u00A0")]
    [InlineData("-", ",", ".")]
    [InlineData("\u061C-", "\u066B", "\u066C")]
    public void No_culture_changes_what_is_printed(string negative, string point, string group)
    {
        string expected = GeneratorHarness.Run(s_everything).Source;
        CultureInfo saved = CultureInfo.CurrentCulture;
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat.NegativeSign = negative;
        culture.NumberFormat.NumberDecimalSeparator = point;
        culture.NumberFormat.NumberGroupSeparator = group;
        culture.NumberFormat.DigitSubstitution = DigitShapes.NativeNational;
        CultureInfo.CurrentCulture = culture;
        try
        {
            Assert.Equal(expected, GeneratorHarness.Run(s_everything).Source);
        }
        finally
        {
            CultureInfo.CurrentCulture = saved;
        }
    }

    [Fact]
    public void The_limit_of_the_source_counts_every_character()
    {
        SamplerModel model = SamplerModelBuilder.Build(ManifestReader.Read(s_everything).Manifest!, new("N", "C", "internal"), new(true, false, null));
        string whole = SamplerEmitter.Emit(model, default);
        Assert.Equal(whole, SamplerEmitter.Emit(model, default, maximumLength: whole.Length));
        Assert.Equal(whole, SamplerEmitter.Emit(model, default, maximumLength: whole.Length + 1));
        Assert.Throws<SourceTooLongException>(() => SamplerEmitter.Emit(model, default, maximumLength: whole.Length - 1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    public void Projects_that_promise_compliance_with_the_CLS_get_no_warning(string damage)
    {
        Generated generated = GeneratorHarness.RunFiles("[assembly: System.CLSCompliant(true)]",
            new ManifestText("/src/tiny.calibration.json", damage + s_everything, ("Accessibility", "public")));
        Assert.Equal(damage.Length > 0, generated.Diagnostics.Length > 0);
        generated.Compiles();
    }

    [Fact]
    public void Lines_end_with_line_feeds_and_no_spaces()
    {
        string source = GeneratorHarness.Run(s_everything).Source;
        Assert.DoesNotContain('\r', source);
        Assert.DoesNotMatch(" \n", source);
        Assert.DoesNotMatch("\n\n\n", source);
        Assert.EndsWith("}\n", source, StringComparison.Ordinal);
    }

    /// <summary>Every number of the manifest stands in the source as it stands in the manifest, with only a suffix added.</summary>
    [Fact]
    public void Numbers_keep_their_tokens()
    {
        JsonObject json = JsonNode.Parse(s_everything)!.AsObject();
        string[] tokens = ["1.50E+2", "-0.0", "123456789012345678901234567890", "1e-5", "-7", "0.30000000000000004", "-1E-44"];
        JsonArray statements = json["steps"]![0]!["statements"]!.AsArray();
        (statements[0]!["by"]![0], statements[0]!["by"]![1]) = (JsonNode.Parse(tokens[0]), JsonNode.Parse(tokens[4]));
        (statements[^1]!["by"]![0], statements[^1]!["by"]![1]) = (JsonNode.Parse(tokens[1]), JsonNode.Parse(tokens[2]));
        json["steps"]![0]!["gain"] = JsonNode.Parse(tokens[3]);
        json["steps"]![0]!["k"] = JsonNode.Parse(tokens[5]);
        json["steps"]![0]!["lambda"] = JsonNode.Parse(tokens[6]);
        string source = GeneratorHarness.Run(ManifestBuilder.Text(json)).Compiles().Source;
        Assert.All(tokens, token => Assert.Contains(token + "f", source, StringComparison.Ordinal));
        Assert.Contains("D.Set(1.50E+2f * X + -7f * M)", source, StringComparison.Ordinal);
        Assert.Contains("X.Set(-0.0f * X + 123456789012345678901234567890f * D + ", source, StringComparison.Ordinal);
    }

    [Fact]
    public void Free_text_is_never_printed()
    {
        JsonObject json = JsonNode.Parse(s_everything)!.AsObject();
        json["provenance"]!["tool"] = "größer 😀";
        string source = GeneratorHarness.Run(ManifestBuilder.Text(json).Replace("\\u00F6", "ö", StringComparison.Ordinal)).Source;
        Assert.DoesNotContain("größer", source, StringComparison.Ordinal);
    }

    /// <summary>What the key must tell apart, and what not.</summary>
    [Fact]
    public void The_key_of_the_weights_depends_on_their_file_and_layout_alone()
    {
        CalibrationManifest manifest = Read(new ManifestBuilder().WithEveryOperation());
        WeightKey key = Key(manifest);
        Assert.Equal($"Specializer.{Convert.ToHexStringLower([.. key.Bytes])[..16]}.weights", key.ResourceName);
        Assert.Equal(key.Bytes, Key(Read(new ManifestBuilder { Name = "other", Scheduler = "ddim", FirstStepsAtFourBits = 1, MeanCorrection = "off" }.WithEveryOperation())).Bytes);

        Network network = manifest.Network;
        WeightKey[] others =
        [
            Key(manifest with { Weights = manifest.Weights with { Sha256 = new string('c', 64) } }),
            Key(manifest with { Steps = manifest.Steps.Skip(1).ToEquatableArray() }),
            Key(manifest with { Network = network with { Operations = network.Operations.Reverse().ToEquatableArray() } }),
            Key(manifest with { Network = network with { Operations = network.Operations.Select(o => o is ConvolutionOperation c ? c with { WeightBits = 32 } : o).ToEquatableArray() } }),
            Key(manifest with { Network = network with { Maps = network.Maps.Select(m => m with { Channels = 2 * m.Channels }).ToEquatableArray() } }),
        ];
        Assert.All(others, other => Assert.NotEqual(key.Bytes, other.Bytes));

        static CalibrationManifest Read(ManifestBuilder builder) => ManifestReader.Read(builder.ToString()).Manifest!;
        static WeightKey Key(CalibrationManifest m) => new(m.Network, m.Steps.Count, m.Weights.Sha256);
    }

    /// <summary>Names that collide with each other, with members, with keywords or with nothing at all.</summary>
    [Fact]
    public void Hostile_names_compile()
    {
        string[] names =
        [
            "a.b", "a_b", "A.B", "aB", "a..b", "_", ".", "..", "0", "0.0", "class", "int", "equals", "reference.equals", "to.string", "get_hash_code", "finalize", "get.type",
            "memberwise_clone", "weights", "maps", "vectors", "embedding", "steps", "step0", "load", "global", "specializer", "system", "tiny_sampler", "map8x8x1Float", "dispose", "sample",
            new string('x', 180), "a.b_2", "ab2", "device", "description", "run", "step", "scales", "evaluate", "stepVectors", "latent_2", "epsilon.epsilon",
        ];
        foreach (int steps in new[] { 1, 65 })
        {
            var builder = new ManifestBuilder { Steps = steps, Name = "3d-tiny_" };
            builder.Map("latent", 8, 1);
            string previous = "latent";
            foreach (string name in names)
            {
                string q = builder.Quantize("quantize." + name, previous, builder.Map("q" + name, 8, 1, "quantized16"));
                previous = builder.Convolution(name, q, builder.Map(name, 8, 1), weightBits: 8, vector: builder.Vector(1));
            }

            builder.Convolution("Weights", previous, builder.Map("epsilon", 8, 1), weightBits: 32);
            Generated generated = GeneratorHarness.Run(builder.ToString());
            Assert.Empty(generated.Diagnostics);
            generated.Compiles();
            Assert.Contains("class _3dTinySampler ", generated.Source, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("StepVectors")]
    [InlineData("Step0")]
    [InlineData("Map8x8x1Float")]
    [InlineData("Convolution8x8x8To8W4")]
    [InlineData("Sampler")]
    [InlineData("Execution")]
    [InlineData("System")]
    [InlineData("Größe")]
    public void Class_names_that_meet_other_names_compile(string name)
    {
        Generated generated = GeneratorHarness.Run(s_everything, ("ClassName", name));
        Assert.Empty(generated.Diagnostics);
        generated.Compiles();
    }

    [Fact]
    public void Class_names_of_small_letters_compile_without_a_warning()
    {
        foreach (string manifest in new[] { s_everything, "{}" }) GeneratorHarness.Run(manifest, ("ClassName", "drawer")).Compiles();
    }

    [Theory]
    [InlineData("My-App.2nd.class", "My_App._2nd._class")]
    [InlineData("Plain", "Plain")]
    [InlineData("", "Specialized")]
    [InlineData(null, "Specialized")]
    public void The_namespace_follows_the_project(string? root, string expected)
    {
        var driver = GeneratorHarness.Driver(root, new ManifestText("/src/tiny.calibration.json", s_everything)).RunGenerators(GeneratorHarness.Compilation());
        Assert.Contains($"\nnamespace {expected};\n", driver.GetRunResult().GeneratedTrees.Single().ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Friends_of_the_runtime_compile_too()
    {
        // The runtime shows its internals to its benchmarks: an override there repeats "protected internal", and a member hides an internal one.
        var compilation = GeneratorHarness.Compilation(assembly: "Specializer.Benchmarks");
        foreach (string manifest in new[] { s_everything, "{}" })
        {
            GeneratorHarness.Driver("Friend", new ManifestText("/src/tiny.calibration.json", manifest)).RunGeneratorsAndUpdateCompilation(compilation, out var updated, out _);
            Assert.Empty(updated.GetDiagnostics().Where(d => d.Severity > Microsoft.CodeAnalysis.DiagnosticSeverity.Info));
        }
    }

    [Fact]
    public void Files_that_are_no_manifests_are_left_alone()
    {
        Generated generated = GeneratorHarness.Run("not JSON", ("SpecializerManifest", "false"));
        Assert.Empty(generated.Diagnostics);
        Assert.Empty(generated.Sources);
    }
}
