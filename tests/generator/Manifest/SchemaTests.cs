using System.Text.Json.Nodes;
using Specializer.Manifest;
using Specializer.Tests;
using JsonNode = System.Text.Json.Nodes.JsonNode;

namespace Specializer.Generator.Tests;

/// <summary>The schema that editors use and the reader must accept the same properties.</summary>
public sealed class SchemaTests
{
    private static readonly JsonObject s_schema =
        JsonNode.Parse(File.ReadAllText(Path.Combine(SharedData.RepositoryRoot, "calibration", "calibration.schema.json")))!.AsObject();

    /// <summary>One of each kind of object, all optional properties present.</summary>
    private static readonly JsonObject s_manifest = new ManifestBuilder { Classes = 2, EmbeddingWidth = 4, Guided = true, Steps = 1, ProductBits = 8, Pictures = true }.WithEveryOperation().ToJson();

    /// <summary>The kinds of operation that <see cref="s_manifest"/> lacks.</summary>
    private static readonly JsonObject s_more = new ManifestBuilder { Steps = 1, ProductBits = 8 }.WithMapOperations().ToJson();

    /// <summary>Several networks.</summary>
    private static readonly JsonObject s_networks = new ManifestBuilder { Guided = true, Steps = 1, Pictures = true, Variance = true, TextPair = true }.WithNetworks().ToJson();

    public static TheoryData<string, string> Objects => new()
    {
        { "", "" }, { "model", "model" }, { "scheduler", "scheduler" }, { "sampling", "sampling" }, { "weights", "weights" }, { "network", "network" },
        { "network/maps/0", "map" }, { "network/embedding", "embedding" }, { "network/operations/0", "quantize" }, { "network/operations/2", "groupNorm" },
        { "network/operations/1", "convolution" }, { "network/operations/10", "attention" }, { "steps/0", "step" }, { "steps/0/start", "start" }, { "solver", "solver" }, { "statistics/0", "statistics" }, { "provenance", "provenance" },
        { "network/operations/1", "layerNorm" }, { "network/operations/3", "crossAttention" }, { "network/operations/4", "activation" }, { "network/operations/5", "linearMap" },
        { "network/operations/6", "scaleShift" }, { "network/operations/8", "geglu" }, { "network/operations/9", "resample" }, { "network/operations/12", "lookup" },
        { "network/operations/13", "codebook" }, { "network/operations/21", "select" }, { "network/operations/23", "modulation" },
        { "encoders/0", "timeless" }, { "prompt", "prompt" },
    };

    [Fact]
    public void Every_definition_is_compared() =>
        Assert.Equal(
            s_schema["$defs"]!.AsObject().Where(d => d.Value!["properties"] is not null).Select(d => d.Key).Order(),
            Objects.Select(row => (string)((object[])row)[1]).Where(name => name.Length > 0).Order());

    [Theory]
    [MemberData(nameof(Objects))]
    public void Properties_are_those_of_the_reader(string path, string definition)
    {
        JsonNode schema = definition.Length == 0 ? s_schema : s_schema["$defs"]![definition]!;
        Assert.False(schema["additionalProperties"]!.GetValue<bool>());
        string[] properties = [.. schema["properties"]!.AsObject().Select(p => p.Key)];
        string[] required = [.. schema["required"]!.AsArray().Select(p => p!.GetValue<string>())];
        JsonObject manifest = Holder(path, definition);
        Assert.Equal(At(manifest, path).Select(p => p.Key).Order(), properties.Order());

        foreach (string property in properties)
        {
            JsonObject damaged = manifest.DeepClone().AsObject();
            At(damaged, path).Remove(property);
            bool missing = ManifestReader.Read(ManifestBuilder.Text(damaged)).Errors.Any(e => e.Id == ManifestErrorId.MissingProperty && e.Message.Contains($"'{property}'", StringComparison.Ordinal));
            Assert.True(missing == required.Contains(property), property);
        }

        JsonObject extended = manifest.DeepClone().AsObject();
        At(extended, path)["zzz"] = 1;
        Assert.Equal(ManifestErrorId.UnknownProperty, Assert.Single(ManifestReader.Read(ManifestBuilder.Text(extended)).Errors).Id);
    }

    [Theory]
    [InlineData("sampling", "meanCorrection")]
    [InlineData("sampling", "policy")]
    [InlineData("map", "type")]
    [InlineData("convolution", "weightBits")]
    [InlineData("convolution", "stride")]
    [InlineData("convolution", "upsample")]
    [InlineData("attention", "productBits")]
    [InlineData("crossAttention", "productBits")]
    [InlineData("activation", "function")]
    [InlineData("step", "activationBits")]
    public void Choices_are_those_of_the_reader(string definition, string property)
    {
        string path = (string)((object[])Objects.Single(row => (string)((object[])row)[1] == definition))[0];
        foreach (JsonNode? choice in s_schema["$defs"]![definition]!["properties"]![property]!["enum"]!.AsArray())
            Assert.DoesNotContain(Errors(choice!.DeepClone()), e => e.Id == ManifestErrorId.Choice);
        Assert.Contains(Errors(JsonValue.Create("zzz")), e => e.Id is ManifestErrorId.Choice or ManifestErrorId.WrongKind);

        IEnumerable<ManifestError> Errors(JsonNode value)
        {
            JsonObject json = Holder(path, definition).DeepClone().AsObject();
            At(json, path)[property] = value;
            return ManifestReader.Read(ManifestBuilder.Text(json)).Errors;
        }
    }

    private static JsonObject Holder(string path, string definition) => definition switch
    {
        "" => WithTiles(s_networks.DeepClone().AsObject()),
        "network" or "timeless" or "prompt" => s_networks,
        "embedding" => WithRows(s_manifest.DeepClone().AsObject()),
        "model" => WithGuidance(s_more.DeepClone().AsObject()),
        "scheduler" => WithProgram(s_manifest.DeepClone().AsObject()),
        "step" => WithRemoved(s_manifest.DeepClone().AsObject()),
        "quantize" or "groupNorm" or "convolution" or "attention" => s_manifest,
        _ => path.StartsWith("network/operations/", StringComparison.Ordinal) ? s_more : s_manifest,
    };

    private static JsonObject WithGuidance(JsonObject manifest)
    {
        manifest["model"]!["embeddedGuidance"] = 8.5;
        return manifest;
    }

    private static JsonObject WithRows(JsonObject manifest)
    {
        JsonNode embedding = manifest["network"]!["embedding"]!;
        (embedding["rows"], embedding["firstRow"]) = (manifest["steps"]!.AsArray().Count, 0);
        return manifest;
    }

    private static JsonObject WithRemoved(JsonObject manifest)
    {
        manifest["steps"]![0]!["removedVariance"] = 0;
        return manifest;
    }

    private static JsonObject WithTiles(JsonObject manifest)
    {
        manifest["decoderOverlap"] = 1;
        return manifest;
    }

    private static JsonObject WithProgram(JsonObject manifest)
    {
        manifest["scheduler"]!["program"] = ProgramDigest.Of(ManifestReader.Read(ManifestBuilder.Text(manifest)).Manifest!);
        return manifest;
    }

    private static JsonObject At(JsonNode node, string path)
    {
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
            node = int.TryParse(part, out int index) ? node[index]! : node[part]!;
        return node.AsObject();
    }
}
