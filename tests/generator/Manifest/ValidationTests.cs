using System.Text.Json.Nodes;
using Specializer.Manifest;
using JsonNode = System.Text.Json.Nodes.JsonNode;

namespace Specializer.Generator.Tests;

/// <summary>One thing wrong with a sound manifest, of every kind that the validators know: see <see cref="ManifestMistakes"/> for what the compiler's user sees of it.</summary>
public sealed class ValidationTests
{
    private static readonly (string Base, string Message, Action<JsonObject> Damage)[] s_damages =
    [
        // Each operation's maps: element types and shapes.
        ("every", "'h0' is quantized", j => Map(j, "h0")["type"] = "quantized8"),
        ("every", "'h1' is quantized", j => Map(j, "h1")["type"] = "quantized8"),
        ("every", "'r1.q' is quantized", j => Op(j, "down_blocks.0.resnets.0.conv2")["residual"] = "r1.q"),
        ("every", "'r1.q' is quantized", j => Op(j, "down_blocks.0.resnets.0.norm2")["input"] = "r1.q"),
        ("every", "it must have the shape of 'r1.h'", j => Map(j, "r1.q2")["channels"] = 9),
        ("every", "'d.q' is quantized", j => { Op(j, "up_blocks.0.resnets.0.norm1")["skip"] = "d.q"; }),
        ("every", "it must have the shape of 'h1'", j => Map(j, "u.qb")["channels"] = 9),
        ("every", "rows and columns must be equal", j => { Map(j, "h4")["height"] = 7; Map(j, "u.qa")["height"] = 7; }),
        ("every", "rows and columns must be equal", j => { Map(j, "h4")["width"] = 7; Map(j, "u.qa")["width"] = 7; }),
        ("every", "Both outputs of a group norm must have the same type", j => Map(j, "u.qb")["type"] = "quantized16"),
        ("every", "'q' is quantized", j => { Add(j, "q", 8, 1, "quantized8"); Add(j, "qq", 8, 1, "quantized8"); Insert(j, Quantize("a", "latent", "q"), Quantize("b", "q", "qq")); }),
        ("every", "'a.qkv' is quantized", j => { Map(j, "a.qkv")["type"] = "quantized8"; Op(j, "mid_block.attentions.0.to_qkv")["op"] = "groupNorm"; Norm(Op(j, "mid_block.attentions.0.to_qkv")); Map(j, "a.n")["channels"] = 24; Map(j, "h2")["channels"] = 24; Op(j, "mid_block.attentions.0.to_out.0")["residual"] = null; }),
        ("every", "three times the channels of its output", j => { Map(j, "a.qkv")["height"] = 3; Map(j, "a.n")["height"] = 3; Map(j, "h2")["height"] = 3; Op(j, "down_blocks.0.downsamplers.0.conv")["paddingTop"] = 0; Op(j, "mid_block.attentions.0.to_out.0")["residual"] = null; }),
        ("every", "three times the channels of its output", j => { Map(j, "a.qkv")["width"] = 3; Map(j, "a.n")["width"] = 3; Map(j, "h2")["width"] = 3; Op(j, "down_blocks.0.downsamplers.0.conv")["paddingLeft"] = 0; Op(j, "mid_block.attentions.0.to_out.0")["residual"] = null; }),
        ("every", "three times the channels of its output", j => Map(j, "a.o")["channels"] = 7),
        ("maps", "'h0' is quantized", j => Map(j, "h0")["type"] = "quantized8"),
        ("maps", "it must have the shape of 'h0'", j => Map(j, "h1")["channels"] = 9),
        ("maps", "'h1' is quantized", j => { Map(j, "h1")["type"] = "quantized16"; Op(j, "to_kv")["weightBits"] = 8; }),
        ("maps", "'kv' is quantized", j => Quantized(j, "kv", "to_kv", "crossAttention")),
        ("maps", "'h2' is quantized", j => Map(j, "h2")["type"] = "quantized8"),
        ("maps", "it must have the shape of 'h1'", j => Map(j, "h2")["channels"] = 9),
        ("maps", "twice the channels of the queries", j => Map(j, "kv")["channels"] = 15),
        ("maps", "as many keys as queries", j => { Map(j, "kv")["height"] = 7; Op(j, "to_kv")["kernelSize"] = 3; Op(j, "to_kv")["paddingLeft"] = 1; Op(j, "to_kv")["stride"] = 1; }),
        ("maps", "'h3' is quantized", j => Map(j, "h3")["type"] = "quantized8"),
        ("maps", "it must have the shape of 'h2'", j => Map(j, "h3")["channels"] = 9),
        ("maps", "'h4' is quantized", j => Map(j, "h4")["type"] = "quantized8"),
        ("maps", "it must have the shape of 'h3'", j => Map(j, "h4")["channels"] = 9),
        ("maps", "'h5' is quantized", j => Map(j, "h5")["type"] = "quantized8"),
        ("maps", "it must have the shape of 'h4'", j => Map(j, "h5")["channels"] = 9),
        ("maps", "elements 1 to 16 are not all within the embedding's 16", j => Op(j, "modulate")["vector"] = 1),
        ("maps", "two values side by side", j => { Map(j, "wide")["height"] = 9; Op(j, "proj")["paddingTop"] = 1; Op(j, "proj")["kernelSize"] = 3; Op(j, "proj")["paddingLeft"] = 1; Op(j, "proj")["paddingTop"] = 2; }),
        ("maps", "two values side by side", j => { Map(j, "wide")["width"] = 9; Op(j, "proj")["kernelSize"] = 3; Op(j, "proj")["paddingLeft"] = 2; Op(j, "proj")["paddingTop"] = 1; }),
        ("maps", "two values side by side", j => Map(j, "wide")["channels"] = 15),
        ("maps", "factor of 2 and nothing else", j => Map(j, "h7")["height"] = 5),
        ("maps", "factor of 2 and nothing else", j => Map(j, "h7")["width"] = 5),
        ("maps", "factor of 2 and nothing else", j => Map(j, "h7")["channels"] = 9),
        ("maps", "factor of 2 and nothing else", j => Map(j, "h8")["channels"] = 9),
        ("maps", "'h6' is quantized", j => Map(j, "h6")["type"] = "quantized8"),
        ("maps", "'h7' is quantized", j => Map(j, "h7")["type"] = "quantized8"),
        ("maps", "'rows' is quantized", j => Map(j, "rows")["type"] = "quantized8"),
        ("maps", "A lookup reads one number", j => Map(j, "ids")["channels"] = 2),
        ("maps", "A lookup reads one number", j => Map(j, "rows")["height"] = 9),
        ("maps", "A lookup reads one number", j => Map(j, "rows")["width"] = 9),
        ("maps", "'h9' is quantized", j => Map(j, "h9")["type"] = "quantized8"),
        ("maps", "it must have the shape of 'rows'", j => Map(j, "h9")["channels"] = 9),
        ("maps", "'h11' is quantized", j => Map(j, "h11")["type"] = "quantized8"),
        ("maps", "it must have the shape of 'h10'", j => Map(j, "h11")["channels"] = 9),
        ("maps", "condition is one pixel", j => { (Map(j, "pixel")["height"], Map(j, "pixel")["width"]) = (2, 2); Op(j, "wide")["upsample"] = 2; }),
        ("maps", "condition is one pixel", j => Map(j, "pixel")["channels"] = 15),
        ("maps", "'pixel' is quantized", j => Quantized(j, "pixel", "wide", "modulation")),
        ("maps", "'h0' is quantized", j => Quantized(j, "h0", "conv_in", "layerNorm")),
        ("maps", "'h2' is quantized", j => Quantized(j, "h2", "attention", "activation")),
        ("maps", "'h4' is quantized", j => Quantized(j, "h4", "centre", "scaleShift")),
        ("maps", "'wide' is quantized", j => Quantized(j, "wide", "proj", "geglu")),
        ("maps", "'ids' is quantized", j => Quantized(j, "ids", "ids", "lookup")),
        ("maps", "'rows' is quantized", j => Quantized(j, "rows", "embeddings", "codebook")),
        ("maps", "'h10' is quantized", j => { Op(j, "summary")["input"] = "h9"; Quantized(j, "h10", "join", "modulation"); }),
        ("maps", "'h10' is quantized", j => Quantized(j, "h10", "join", "select")),
        ("maps", "'few' is quantized", j => { Add(j, "few", 8, 1, "quantized8"); Before(j, "summary", Quantize("q", "ids", "few")); Op(j, "summary")["ids"] = "few"; }),
        ("maps", "'summary' is quantized", j => Map(j, "summary")["type"] = "quantized8"),
        ("maps", "The numbers to look among", j => Op(j, "summary")["ids"] = "h10"),
        ("maps", "The numbers to look among", j => { Add(j, "tall", 8, 1); Map(j, "tall")["height"] = 9; Insert(j, Conv("t", "latent", "tall")); Op(j, "t")["paddingTop"] = 2; Op(j, "summary")["ids"] = "tall"; }),
        ("maps", "The numbers to look among", j => { Add(j, "broad", 8, 1); Map(j, "broad")["width"] = 9; Insert(j, Conv("t", "latent", "broad")); Op(j, "t")["paddingLeft"] = 2; Op(j, "summary")["ids"] = "broad"; }),
        ("maps", "What is selected is one pixel", j => Map(j, "summary")["height"] = 2),
        ("maps", "What is selected is one pixel", j => Map(j, "summary")["channels"] = 9),

        // The network as a whole.
        ("one", "There is no map", j => { for (int i = 0; i < 60; i++) Insert(j, Quantize($"n{i}", $"a{i}", $"b{i}")); }),
        ("networks", "is an input, which no operation writes", j => j["encoders"]![0]!["operations"]![0]!["output"] = "ids"),
        ("networks", "is an input, which no operation writes", j => Op(j, "attn.to_kv.quantize")["output"] = "encoder_hidden_states"),
        ("networks", "enters or leaves the network twice", j => j["network"]!["inputs"]!.AsArray().Add("encoder_hidden_states")),
        ("networks", "'inputs' has 65 elements", j => j["encoders"]![0]!["inputs"] = new JsonArray([.. Enumerable.Range(0, 65).Select(i => JsonValue.Create($"i{i}"))])),
        ("networks", "An object is expected here: an encoder", j => j["encoders"]![0] = 1),
        ("one", "An object is expected here: a statement", j => j["steps"]![0]!["statements"]![0] = 1),
        ("networks", "'inputs' is a number", j => j["encoders"]![0]!["inputs"] = 1),
        ("networks", "is not allowed in 'inputs'", j => j["encoders"]![0]!["inputs"]![0] = "a b"),
        ("one", "The variance is 8×8×2", j => { Add(j, "variance", 8, 2); Insert(j, Conv("v", "latent", "variance")); j["network"]!["variance"] = "variance"; }),
        ("one", "read by no operation", j => { Add(j, "more", 8, 1); j["network"]!["operations"]!.AsArray().Add(Conv("v", "epsilon", "more")); }),
        ("one", "The latent is 8×8×1, the model's image 8×8×2", j => { j["model"]!["channels"] = 2; }),
        ("one", "The latent is 8×8×1, the model's image 8×9×1", j => { j["model"]!["width"] = 9; }),

        // Classes and labels.
        ("one", "needs vectors", j => { j["model"]!["classes"] = 3; j["network"]!["embedding"]!["classes"] = 3; j["network"]!["embedding"]!["width"] = 4; }),
        ("one", "whose width is 0|its width is not 0", j => { j["model"]!["classes"] = 3; j["network"]!["embedding"]!["classes"] = 3; }),
        ("networks", "takes one label; it is 1×4×1", j => { Everywhere(j, "ids", "label"); j["model"]!["classes"] = 3; }),
        ("networks", "takes one label; it is 1×1×2", j => { Everywhere(j, "ids", "label"); j["model"]!["classes"] = 3; Map(j["encoders"]![0]!, "label")["width"] = 1; Map(j["encoders"]![0]!, "label")["channels"] = 2; Lookup(j); }),
        ("networks", "The embedding has 2 classes, the model 3", j => { Everywhere(j, "ids", "label"); j["model"]!["classes"] = 3; j["network"]!["embedding"]!["classes"] = 2; }),

        // Networks and how they are connected.
        ("networks", "read by an encoder before this one writes it", j => { Clone(j, "b", ("\"ids\"", "\"raw\""), ("\"encoder_hidden_states\"", "\"ids\"")); Clone(j, "c"); Ids(j, 8); }),
        ("networks", "Two encoders write 'encoder_hidden_states'", j => Clone(j, "b")),
        ("networks", "'encoder_hidden_states' is 2×4×8 here", j => { foreach (string map in (string[])["encoder_hidden_states", "attn.c", "kv"]) Map(j, map)["height"] = 2; }),
        ("networks", "'encoder_hidden_states' is 1×4×9 here", j => { foreach (string map in (string[])["encoder_hidden_states", "attn.c"]) Map(j, map)["channels"] = 9; }),
        ("networks", "The decoder has one output", j => j["decoder"]!["outputs"]!.AsArray().Add("h0")),
        ("networks", "The decoder reads the state and nothing else", j => { Spare(j["decoder"]!); }),
        ("networks", "The picture has 65 channels", j => Map(j["decoder"]!, "image")["channels"] = 65),
        ("masks", "'mask' takes what a call gives of a picture; it is 8×8×2 and must be 8×8×1", j => Map(j, "mask")["channels"] = 2),
        ("masks", "'masked_image' takes what a call gives of a picture; it is 8×8×2", j => Map(j, "masked_image")["channels"] = 2),
        ("masks", "no call can give one", j => j.Remove("imageEncoder")),
        ("masks", "no call can give one", j => { foreach (JsonNode? step in j["steps"]!.AsArray()) step!.AsObject().Remove("start"); }),
        ("pictures", "one input and one output", j => Spare(j["imageEncoder"]!)),
        ("pictures", "one input and one output", j => j["imageEncoder"]!["outputs"]!.AsArray().Add("h0")),
        ("pictures", "The encoder of pictures gives 8×8×2", j => Map(j["imageEncoder"]!, "moments")["channels"] = 2),
        ("pictures", "which needs no encoder", j => j.Remove("decoder")),
        ("pictures", "The encoder of pictures reads 16×16×4; what is drawn is 16×16×3.", j => Map(j["imageEncoder"]!, "image")["channels"] = 4),
        ("pictures", "No step can begin with a picture", j => { foreach (JsonNode? step in j["steps"]!.AsArray()) step!.AsObject().Remove("start"); }),
        ("networks", "All networks together have", j =>
        {
            foreach (string place in (string[])["network", "decoder"])
                for (int i = 0; i < 4200; i++)
                {
                    JsonNode network = j[place]!;
                    network["maps"]!.AsArray().Add(NewMap($"m{i}", 1, 1, "float32"));
                    network["operations"]!.AsArray().Insert(0, Conv($"c{i}", "latent", $"m{i}", size: 15));
                    (network["operations"]![0]!["paddingTop"], network["operations"]![0]!["paddingLeft"]) = (0, 0);
                }
        }),
        ("networks", "runs once a call", j => j["steps"]![1]!["zeroPoints"]![1] = 9),
        ("networks", "runs once a call", j => j["steps"]![1]!["levels"]![1] = 15),
        ("networks", "'scales' has 1 elements", j => { j["steps"]![1]!["scales"] = new JsonArray(1); }),
        ("networks", "'zeroPoints' has 1 elements", j => { j["steps"]![1]!["zeroPoints"] = new JsonArray(1); }),
        ("networks", "'levels' has 1 elements", j => { j["steps"]![1]!["levels"] = new JsonArray(255); }),
        ("one", "remove the prompt", j => j["prompt"] = new JsonObject { ["input"] = "ids", ["empty"] = new JsonArray(1) }),
        ("networks", "is called as a file of the tokenizer", j => Op(j, "conv_in")["name"] = Prompt.VocabularyTensor),
        ("networks", "is called as a file of the tokenizer", j => Op(j, "conv_in")["name"] = Prompt.MergesTensor),

        ("pair", "'nobody' is no input of its own", j => j["prompt"]!["second"] = "nobody"),
        ("pair", "'ids' is no input of its own", j => j["prompt"]!["second"] = "ids"),
        ("pair", "'ids_2' is no input of its own", j => j["prompt"]!["none"] = "ids_2"),
        ("pair", "'label' is no input of its own", j => { j["encoders"] = JsonNode.Parse(j["encoders"]!.ToJsonString().Replace("\"none\"", "\"label\"", StringComparison.Ordinal)); j["prompt"]!["none"] = "label"; j["model"]!["classes"] = 3; }),
        ("pair", "'none' is 1×1×1 and must be 1×4×1, as 'ids' is", j => { j["prompt"]!["second"] = "none"; j["prompt"]!.AsObject().Remove("none"); }),
        ("pair", "'ids_2' is 1×4×1 and must be 1×1×1", j => { j["prompt"]!["none"] = "ids_2"; j["prompt"]!.AsObject().Remove("second"); }),
        ("pair", "The token 12 is none of the 12", j => j["prompt"]!["filling"] = 12),
        ("networks", "no text encoder whose last layers", j => { j.Remove("encoders"); j["prompt"] = new JsonObject { ["input"] = "encoder_hidden_states", ["empty"] = new JsonArray([.. Enumerable.Repeat(0, 32).Select(id => (JsonNode?)id)]), ["clipSkip"] = 1 }; }),
        ("pair", "0 is not possible as 'clipSkip'", j => j["prompt"]!["clipSkip"] = 0),
        ("pair", "256 is not possible as 'clipSkip'", j => j["prompt"]!["clipSkip"] = 256),

        // Sampling and steps.
        ("every", "which guidance needs", j => j["sampling"]!["guidanceMinimum"] = 0.5),
        ("one", "it must have 16: the 4×4 joint moments.", j => j["steps"]![0]!["covariance"] = new JsonArray(1)),
        ("guided", "is told the scale of guidance", j => j["model"]!["embeddedGuidance"] = 8.5),
        ("one", "'embeddedGuidance'", j => j["model"]!["embeddedGuidance"] = "8.5"),
        ("one", "outside the calibrated interval", j => j["sampling"]!["guidance"] = 0.5),
        ("every", "'levels' has 7 elements", j => j["steps"]![1]!["levels"]!.AsArray().RemoveAt(0)),
        ("every", "'zeroPoints' has 7 elements", j => j["steps"]![1]!["zeroPoints"]!.AsArray().RemoveAt(0)),
        ("one", "The end, statement 0 reads h0", j => j["solver"]!["end"] = new JsonArray(ManifestBuilder.Sum("x", ("h0", 1)))),
        ("one", "which samplers keep for themselves", j => First(j, ("d", "k"))),
        ("one", "which samplers keep for themselves", j => First(j, ("d", "w"))),
        ("one", "The end, statement 0 reads k", j => j["solver"]!["end"] = new JsonArray(new JsonObject { ["op"] = "blend", ["target"] = "x" })),
        ("start", "A run that begins with a picture at evaluation 0: The solver reads k", j => Start(j).Insert(0, new JsonObject { ["op"] = "blend", ["target"] = "x" })),
        ("start", "A run that begins with a picture at evaluation 0: The solver reads v", j => Start(j).Insert(0, ManifestBuilder.Sum("d", ("v", 1)))),
        ("start", "A run that begins with a picture at evaluation 0: The solver reads v", j => { Start(j).Insert(0, ManifestBuilder.Draw(0)); Start(j).Insert(1, new JsonObject { ["op"] = "rootSigma", ["target"] = "z0" }); }),
        ("start", "A run that begins with a picture at evaluation 0, after evaluation 0, statement 0 reads h0", j => Start(j).Insert(0, ManifestBuilder.Sum("d", ("h0", 1)))),

        // Values by themselves.
        ("one", "'height' is a truth value", j => j["model"]!["height"] = true),
        ("one", "'height' is an array", j => j["model"]!["height"] = new JsonArray()),
        ("one", "'height' is an object", j => j["model"]!["height"] = new JsonObject()),
        ("one", "it must be finite in FP32", j => j["steps"]![0]!["k"] = JsonNode.Parse("3.402823466385289e38")),
        ("one", "it must not be zero", j => j["steps"]![0]!["gain"] = JsonNode.Parse("1e-46")),
        ("one", "it must be greater than zero", j => j["steps"]![0]!["inputScale"] = JsonNode.Parse("7e-46")),
        ("one", "it must not be negative", j => j["steps"]![0]!["calibratedSigma"] = JsonNode.Parse("-1e-300")),
        ("one", "'clampK' is a number; it must be true or false", j => j["sampling"]!["clampK"] = 1),
        ("one", "'settings' has 65 members", j => j["scheduler"]!["settings"] = new JsonObject(Enumerable.Range(100, 65).Select(i => KeyValuePair.Create($"s{i}", (JsonNode?)"1")))),
        ("one", "is not a property of the model|of 'model'", j => { for (int i = 0; i < 150; i++) j["model"]![$"zz{i}"] = 1; }),
        ("one", "The property 'by' of a statement is missing", j => j["steps"]![0]!["statements"]![0]!.AsObject().Remove("by")),
        ("one", "The property 'of' of a statement is missing", j => j["steps"]![0]!["statements"]![0]!.AsObject().Remove("of")),
        ("one", "configuration of a model", j => { j.Remove("schemaVersion"); j["_diffusers_version"] = "1"; }),
        ("one", "The property 'schemaVersion'", j => j.Remove("schemaVersion")),
        ("one", "'schemaVersion' is a string", j => j["schemaVersion"] = "2"),
        // What upsampling makes of four rows has seven or eight, which padding and stride keep.
        ("every", "do not give 6 rows: with padding 1 and stride 1 they give 7 or 8", j => Map(j, "h4")["height"] = 6),
        ("every", "do not give 9 columns: with padding 1 and stride 1 they give 7 or 8", j => Map(j, "h4")["width"] = 9),
        ("every", "do not give 7 rows", j => { Map(j, "h4")["height"] = 7; Op(j, "up_blocks.0.upsamplers.0.conv")["paddingTop"] = 0; }),
        ("every", "do not give 8 rows", j => { Op(j, "up_blocks.0.upsamplers.0.conv")["stride"] = 2; }),

        // A learned variance.
        ("one", "there is nothing to take it off", j => j["steps"]![0]!["removedVariance"] = 0.01),
        ("learned", "there is nothing to take it off", j => { j["steps"]![0]!["removedVariance"] = 0.01; j["steps"]![0]!["statements"]!.AsArray().RemoveAt(3); }),
        ("learned", "'varianceCorrection' of 'sampling' is false. Set it to true, or remove", j => { j["steps"]![0]!["removedVariance"] = -0.01; j["sampling"]!["varianceCorrection"] = false; }),
        ("learned", "1e39 is not possible as 'removedVariance'; it must be finite in FP32", j => j["steps"]![0]!["removedVariance"] = JsonNode.Parse("1e39")),
        ("learned", "'removedVariance' is a string", j => j["steps"]![0]!["removedVariance"] = "0.01"),
        ("networks", "'zeroPoints' has 2 elements", j => j["decoder"]!["zeroPoints"]!.AsArray().Add(1)),
        ("networks", "'levels' has 2 elements", j => j["decoder"]!["levels"]!.AsArray().Add(255)),
        ("guided", "'rSquared' has 3 elements", j => j["statistics"]![0]!["rSquared"]!.AsArray().Add(1)),
        ("guided", "'normality' has 3 elements", j => j["statistics"]![0]!["normality"]!.AsArray().Add(1)),
    ];

    public static TheoryData<int> Damages => [.. Enumerable.Range(0, s_damages.Length)];

    [Theory]
    [MemberData(nameof(Damages))]
    public void What_does_not_fit_is_named(int index)
    {
        var (sound, message, damage) = s_damages[index];
        JsonObject json = Sound(sound);
        Assert.Empty(ManifestReader.Read(ManifestBuilder.Text(json)).Errors);
        damage(json);

        EquatableArray<ManifestError> errors = ManifestReader.Read(ManifestBuilder.Text(json)).Errors;

        string all = string.Join("\n", errors.Select(e => $"{e.Id} {e.Message}"));
        Assert.True(message.Split('|').Any(m => all.Contains(m, StringComparison.Ordinal)), $"'{message}' is not among:\n{all}");
        Assert.DoesNotContain(errors, e => e.Id == ManifestErrorId.Internal);
        Assert.InRange(errors.Count, 1, ErrorLog.Maximum);
    }

    /// <summary>Near a mistake, and none.</summary>
    [Fact]
    public void What_fits_is_accepted()
    {
        Accept("networks", j => { j["encoders"]![0]!["operations"]![0] = Conv("embeddings", "ids", "rows", 1); j["prompt"]!["empty"]![0] = 1000; });
        Accept("networks", j => { Everywhere(j, "ids", "label"); j["model"]!["classes"] = 3; j["model"]!["nullLabel"] = 2; j.Remove("prompt"); foreach (string map in (string[])["label", "rows", "fc.q", "h", "encoder_hidden_states"]) Map(j["encoders"]![0]!, map)["width"] = 1; foreach (string map in (string[])["encoder_hidden_states", "attn.c", "kv"]) Map(j, map)["width"] = 1; });
        Accept("pair", j =>
        {
            JsonArray operations = j["encoders"]![0]!["operations"]!.AsArray();
            operations[operations.IndexOf(operations.Single(o => o!["name"]!.GetValue<string>() == "embeddings_2"))] = Conv("embeddings_2", "ids_2", "rows_2", 1);
            j["prompt"]!["filling"] = 1000;
        });
        Accept("one", j => j["model"]!["embeddedGuidance"] = -8.5);
        Accept("networks", j => { j.Remove("encoders"); j["prompt"] = new JsonObject { ["input"] = "encoder_hidden_states", ["empty"] = new JsonArray([.. Enumerable.Repeat(0, 32).Select(id => (JsonNode?)id)]) }; });
        foreach (double removed in (double[])[0.01, -0.01]) Accept("learned", j => j["steps"]![0]!["removedVariance"] = removed);
        Accept("one", j => j["steps"]![0]!["removedVariance"] = 0);
        Accept("every", j => j["steps"]![0]!["statements"]![1]!["bound"] = 0.5);
        Accept("masks", j => { j.Remove("decoder"); j.Remove("imageEncoder"); });
        Accept("start", j => Start(j).Insert(0, ManifestBuilder.Sum("s0", ("x", 1))));
        Accept("one", j => j["scheduler"]!["settings"] = new JsonObject(Enumerable.Range(100, ManifestLimits.Settings).Select(i => KeyValuePair.Create($"s{i}", (JsonNode?)"1"))));
        Accept("every", j => { for (int i = 0; i < 8; i++) j["steps"]![0]!["zeroPoints"]![i] = j["steps"]![0]!["levels"]![i]!.GetValue<int>(); });
        Accept("networks", j => j["decoder"]!["zeroPoints"]![0] = j["decoder"]!["levels"]![0]!.GetValue<int>());
        Accept("networks", j => Map(j["decoder"]!, "image")["channels"] = ManifestLimits.ImageChannels);
        Accept("guided", j => j["sampling"]!["guidance"] = j["sampling"]!["guidanceMaximum"]!.DeepClone());
        Accept("every", j => { j["network"]!["embedding"]!["rows"] = 4; j["network"]!["embedding"]!["firstRow"] = 2; });
        foreach (string most in (string[])["3.4028234663852886e38", "-3.4028234663852886e38", "-0", "1e-60"]) Accept("one", j => j["steps"]![0]!["k"] = JsonNode.Parse(most));
        // The least number that FP32 has is above half of the least that it writes.
        Accept("one", j => j["steps"]![0]!["gain"] = JsonNode.Parse("-1e-45"));
        Accept("one", j => j["steps"]![0]!["inputScale"] = JsonNode.Parse("1e-45"));
        Accept("one", j => (j["steps"]![0]!["calibratedSigma"], j["steps"]![0]!["noiseVariance"]) = (0, JsonNode.Parse("-0")));

        static void Accept(string sound, Action<JsonObject> change)
        {
            JsonObject json = Sound(sound);
            change(json);
            Assert.Empty(ManifestReader.Read(ManifestBuilder.Text(json)).Errors);
        }
    }

    [Fact]
    public void A_fault_of_the_reader_is_an_error_like_any_other() => Assert.Equal(ManifestErrorId.Internal, Assert.Single(ManifestReader.Read(null!).Errors).Id);

    [Theory]
    [InlineData("a.safetensors", true)]
    [InlineData("com.safetensors", true)]
    [InlineData("COMX", true)]
    [InlineData("LPTX.bin", true)]
    [InlineData("ACOM1", true)]
    [InlineData("XYZ1", true)]
    [InlineData("con", false)]
    [InlineData("PRN.txt", false)]
    [InlineData("aux.a.b", false)]
    [InlineData("nul", false)]
    [InlineData("COM0", false)]
    [InlineData("lpt9.x", false)]
    [InlineData(".a", false)]
    [InlineData("a.", false)]
    [InlineData("a..b", false)]
    [InlineData("a/b", false)]
    [InlineData("", false)]
    public void Names_of_files_are_bare_and_no_devices(string name, bool allowed) => Assert.Equal(allowed, Names.IsFileName(name));

    [Fact]
    public void Numbers_and_arrays_are_compared_by_what_they_hold()
    {
        Assert.True(new Number("0.10").Equals((object)new Number("0.10")));
        Assert.False(new Number("0.10").Equals((object)new Number("0.1")));
        Assert.False(new Number("1").Equals("1"));
        Assert.True(new EquatableArray<int>([1, 2]).Equals((object)new EquatableArray<int>([1, 2])));
        Assert.False(new EquatableArray<int>([1, 2]).Equals((object)new EquatableArray<int>([2, 1])));
        Assert.False(new EquatableArray<int>([1]).Equals(1));
        Assert.Equal(("0.1", 0.1f, "3E-05"), (Number.From(0.1f).Token, (float)new Number("0.1"), Number.From(3e-5f).Token));
        foreach (float value in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity]) Assert.StartsWith("Only finite numbers can be written to a manifest.", Assert.Throws<ArgumentOutOfRangeException>(() => Number.From(value)).Message, StringComparison.Ordinal);
        Assert.Null(Names.Nearest(new string('a', Names.MaximumLength + 1), [new string('a', Names.MaximumLength + 1)]));
        Assert.Equal((2, 1), new LineMap("a\r")[2]);
        SolverProgram program = ManifestReader.Read(new ManifestBuilder().WithOneConvolution().ToString()).Manifest!.Program;
        var plan = new SolverPlan(program);
        Assert.True(plan.Equals((object)new SolverPlan(program)));
        Assert.Equal(plan.GetHashCode(), new SolverPlan(program).GetHashCode());
        Assert.False(plan.Equals(new SolverPlan(program with { End = program.Begin })));
        Assert.False(plan.Equals(null));
        Assert.False(plan.Equals((object)1));
    }

    /// <summary>No character steers, hides or reorders; scripts stay as they are.</summary>
    [Fact]
    public void Texts_of_unknown_origin_are_harmless()
    {
        Assert.Equal(@"größe 😀\u001B\u202E\u2028\u2029\uD83D\u0378!", MessageText.Harmless("größe 😀\u001B\u202E\u2028\u2029\uD83D\u0378!"));
        Assert.Equal(@"\uDE00a\uD83D", MessageText.Harmless("\uDE00a\uD83D"));
        Assert.Equal("a\nb\n", MessageText.HarmlessLines("a\r\nb\n"));
        Assert.Equal(string.Concat(Enumerable.Repeat("x\n", 199)) + @"x\u000Ax", MessageText.HarmlessLines(string.Join('\n', Enumerable.Repeat("x", 201))));
        string longest = new('x', 600);
        Assert.Equal(longest, MessageText.Harmless(longest));
        Assert.Equal(new string('x', 300) + "…" + new string('x', 299) + "y", MessageText.Harmless(longest + "y"));
        Assert.Equal("'" + new string('a', 60) + "'", MessageText.Quote(new('a', 60)));
        Assert.Equal("'" + new string('a', 60) + "…'", MessageText.Quote(new('a', 61)));
        Assert.Equal(@"'~ \u007F\u001F\u00E9'", MessageText.Quote("~ \u007F\u001Fé"));
    }

    /// <summary>What each mistake is made in, and the text with it.</summary>
    internal static IEnumerable<(string Sound, string Text)> Damaged()
    {
        foreach (var (sound, _, damage) in s_damages)
        {
            JsonObject json = Sound(sound);
            damage(json);
            yield return (sound, ManifestBuilder.Text(json));
        }
    }

    internal static JsonObject Sound(string name) => (name switch
    {
        "every" => new ManifestBuilder { FirstStepsAtFourBits = 1 }.WithEveryOperation(),
        "guided" => new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation(),
        "maps" => new ManifestBuilder().WithMapOperations(),
        "networks" => new ManifestBuilder { Guided = true }.WithNetworks(),
        "pair" => new ManifestBuilder { Guided = true, TextPair = true }.WithNetworks(),
        "pictures" => new ManifestBuilder { Pictures = true }.WithNetworks(),
        "masks" => new ManifestBuilder { Pictures = true, Masks = true }.WithNetworks(),
        "start" => new ManifestBuilder { Pictures = true }.WithOneConvolution(),
        "learned" => new ManifestBuilder { Variance = true }.WithNetworks(),
        _ => new ManifestBuilder().WithOneConvolution(),
    }).ToJson() is var json && name == "learned" ? Learned(json) : json;

    private static JsonObject Learned(JsonObject json)
    {
        json["steps"]![0]!["statements"]!.AsArray().Insert(3, new JsonObject { ["op"] = "rootSigma", ["target"] = "z0" });
        return json;
    }

    private static JsonObject Map(JsonNode holder, string name) => (holder["network"] ?? holder)["maps"]!.AsArray().Single(m => m!["name"]!.GetValue<string>() == name)!.AsObject();

    private static JsonObject Op(JsonNode json, string name) => json["network"]!["operations"]!.AsArray().Single(o => o!["name"]!.GetValue<string>() == name)!.AsObject();

    private static JsonArray Start(JsonNode json) => json["steps"]![0]!["start"]!["first"]![0]!["statements"]!.AsArray();

    private static void First(JsonNode json, (string Target, string Of) sum) => json["steps"]![0]!["statements"]!.AsArray().Insert(0, ManifestBuilder.Sum(sum.Target, (sum.Of, 1)));

    private static JsonObject NewMap(string name, int size, int channels, string type) => new() { ["name"] = name, ["height"] = size, ["width"] = size, ["channels"] = channels, ["type"] = type };

    private static void Add(JsonNode json, string name, int size, int channels, string type = "float32") => json["network"]!["maps"]!.AsArray().Add(NewMap(name, size, channels, type));

    private static void Insert(JsonNode json, params JsonObject[] operations)
    {
        for (int i = 0; i < operations.Length; i++) json["network"]!["operations"]!.AsArray().Insert(i, operations[i]);
    }

    private static JsonObject Quantize(string name, string input, string output) => new() { ["op"] = "quantize", ["name"] = name, ["input"] = input, ["output"] = output };

    private static JsonObject Conv(string name, string input, string output, int size = 3) => new()
    {
        ["op"] = "convolution", ["name"] = name, ["input"] = input, ["output"] = output, ["residual"] = null, ["kernelSize"] = size, ["stride"] = 1, ["paddingTop"] = size / 2, ["paddingLeft"] = size / 2,
        ["upsample"] = 1, ["weightBits"] = 32, ["vector"] = -1, ["outputScale"] = 1,
    };

    private static void Before(JsonNode json, string operation, JsonObject inserted)
    {
        JsonArray operations = json["network"]!["operations"]!.AsArray();
        operations.Insert(operations.IndexOf(Op(json, operation)), inserted);
    }

    /// <summary>Makes a convolution a group norm.</summary>
    private static void Norm(JsonObject operation)
    {
        foreach (string property in (string[])["residual", "kernelSize", "stride", "paddingTop", "paddingLeft", "upsample", "weightBits", "vector", "outputScale"]) operation.Remove(property);
        (operation["groups"], operation["epsilon"], operation["silu"]) = (2, 1, false);
    }

    /// <summary>Gives an operation a quantized map as context or condition: what was written there is quantized before.</summary>
    private static void Quantized(JsonNode json, string map, string writer, string operation)
    {
        JsonArray operations = json["network"]!["operations"]!.AsArray();
        JsonObject copy = Map(json, map).DeepClone().AsObject();
        copy["name"] = map + "2";
        json["network"]!["maps"]!.AsArray().Add(copy);
        Map(json, map)["type"] = "quantized8";
        Op(json, writer)["output"] = map + "2";
        Before(json, operations.First(o => o!["op"]!.GetValue<string>() == operation)!["name"]!.GetValue<string>(), Quantize("q", map + "2", map));
    }

    private static void Everywhere(JsonObject json, string from, string to)
    {
        foreach (string place in (string[])["encoders", "prompt"]) json[place] = JsonNode.Parse(json[place]!.ToJsonString().Replace($"\"{from}\"", $"\"{to}\"", StringComparison.Ordinal));
    }

    /// <summary>The first encoder's lookup is a convolution, which reads maps of any size.</summary>
    private static void Lookup(JsonObject json)
    {
        json["encoders"]![0]!["operations"]![0] = Conv("embeddings", "label", "rows");
        foreach (string map in (string[])["rows", "fc.q", "h", "encoder_hidden_states"]) Map(json["encoders"]![0]!, map)["width"] = 1;
        foreach (string map in (string[])["encoder_hidden_states", "attn.c", "kv"]) Map(json, map)["width"] = 1;
        json.Remove("prompt");
    }

    private static void Ids(JsonObject json, int channels)
    {
        foreach (JsonNode? encoder in json["encoders"]!.AsArray())
        {
            foreach (JsonNode? map in encoder!["maps"]!.AsArray().Where(m => m!["name"]!.GetValue<string>() == "ids")) map!["channels"] = channels;
            if (encoder["inputs"]![0]!.GetValue<string>() == "ids") encoder["operations"]![0] = Conv("embeddings", "ids", "rows");
        }

        json.Remove("prompt");
    }

    /// <summary>Another encoder like the first.</summary>
    private static void Clone(JsonObject json, string name, params (string From, string To)[] changes)
    {
        string text = json["encoders"]![0]!.ToJsonString().Replace("\"text_encoder\"", $"\"{name}\"", StringComparison.Ordinal);
        foreach (var (from, to) in changes) text = text.Replace(from, to, StringComparison.Ordinal);
        json["encoders"]!.AsArray().Add(JsonNode.Parse(text));
    }

    /// <summary>Another input, which nothing reads.</summary>
    private static void Spare(JsonNode network)
    {
        network["maps"]!.AsArray().Add(NewMap("spare", 1, 1, "float32"));
        network["inputs"]!.AsArray().Add("spare");
    }
}
