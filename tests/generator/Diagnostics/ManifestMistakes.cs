using System.Text.Json.Nodes;

namespace Specializer.Generator.Tests;

/// <summary>One mistake made in a valid manifest, and what the reader must say of it.</summary>
/// <param name="Title">What was done.</param>
/// <param name="Id">The only diagnostic expected.</param>
/// <param name="Text">The damaged manifest.</param>
/// <param name="Marked">The text that the diagnostic must underline.</param>
/// <param name="Message">Part of the message.</param>
public sealed record ManifestMistake(string Title, string Id, string Text, string Marked, string Message)
{
    public override string ToString() => $"{Id} {Title}";
}

/// <summary>At least one mistake for each diagnostic of the reader.</summary>
internal static class ManifestMistakes
{
    public static IReadOnlyList<ManifestMistake> All { get; } =
    [
        new("trailing comma", "SPZ001", Valid().ToString().Replace("\"firstSeed\": 0", "\"firstSeed\": 0,", StringComparison.Ordinal), "}", "property name"),
        new("truncated", "SPZ001", Valid().ToString()[..^2], "", "truncated"),
        new("duplicate property", "SPZ001", Valid().ToString().Replace("\"clampK\": true", "\"clampK\": true, \"clampK\": true", StringComparison.Ordinal), "\"clampK\"", "twice"),
        Change("misspelled property", "SPZ002", "\"scalez\"", "did you mean 'scales'?", j => Rename(j["steps"]![0]!, "scales", "scalez")),
        Change("foreign property", "SPZ002", "\"colour\"", "remove it", j => j["model"]!["colour"] = 1),
        Change("foreign property at the top", "SPZ002", "\"extra\"", "remove it", j => j["extra"] = 1),
        Change("missing property", "SPZ003", "{", "'heads' of an operation", j => Op(j, 10).Remove("heads")),
        Change("missing object", "SPZ003", "{", "'sampling' of the manifest", j => j.Remove("sampling")),
        Change("string for number", "SPZ004", "\"8\"", "a string; it must be a whole number", j => j["model"]!["height"] = "8"),
        Change("null for number", "SPZ004", "null", "null; it must be a number", j => j["steps"]![0]!["k"] = null),
        Change("string among numbers", "SPZ004", "\"1\"", "An element of 'scales' is a string", j => j["steps"]![0]!["scales"]![2] = "1"),
        Change("number for object", "SPZ004", "1", "it must be an object", j => j["solver"] = 1),
        Change("number for element", "SPZ004", "1", "An object is expected here: a map", j => j["network"]!["maps"]![0] = 1),
        Change("version 1", "SPZ005", "1", "schema version 1", j => { j["schemaVersion"] = 1; j.Remove("model"); }),
        Change("path for file", "SPZ006", "\"../w.safetensors\"", "bare file name", j => j["weights"]!["file"] = "../w.safetensors"),
        Change("device for file", "SPZ006", "\"NUL\"", "device on Windows", j => j["weights"]!["file"] = "NUL"),
        Change("device with an extension for file", "SPZ006", "\"lpt1.safetensors\"", "device on Windows", j => j["weights"]!["file"] = "lpt1.safetensors"),
        Change("model's configuration", "SPZ005", "\"_class_name\"", "configuration of a model", j => { j["_class_name"] = "UNet2DModel"; j.Remove("schemaVersion"); j.Remove("steps"); }),
        Change("code in a name", "SPZ006", "\"a\\u0022; //\"", "ASCII letters", j => Op(j, 0)["name"] = "a\"; //"),
        Change("space in the model's name", "SPZ006", "\"my model\"", "not allowed as 'name'", j => j["model"]!["name"] = "my model"),
        Change("empty name", "SPZ006", "\"\"", "not allowed as 'name'", j => j["model"]!["name"] = ""),
        Change("upper-case hash", "SPZ006", $"\"{new string('A', 64)}\"", "64 lower-case hex digits", j => j["weights"]!["sha256"] = new string('A', 64)),
        Change("short hash", "SPZ006", "\"aa\"", "64 lower-case hex digits", j => j["model"]!["sha256"] = "aa"),
        Change("unknown operation", "SPZ007", "\"convolutoin\"", "did you mean 'convolution'?", j => Op(j, 1)["op"] = "convolutoin"),
        Change("code for a scheduler", "SPZ006", "\"*/\"", "'-', '_' and '+'", j => j["scheduler"]!["family"] = "*/"),
        Change("name of a setting", "SPZ006", "\"a b\"", "not allowed in 'settings'", j => j["scheduler"]!["settings"]!["a b"] = "1"),
        Change("number for a setting", "SPZ004", "1", "'settings' are strings", j => j["scheduler"]!["settings"]!["eta"] = 1),
        Change("settings out of order", "SPZ016", "\"alpha\"", "sorted by name", j => j["scheduler"]!["settings"]!["alpha"] = "1"),
        Change("unknown statement", "SPZ007", "\"add\"", "'op'", j => Statement(j, 0)["op"] = "add"),
        Change("unknown register", "SPZ007", "\"y\"", "registers are x, m", j => Statement(j, 0)["target"] = "y"),
        Change("what only samplers write", "SPZ007", "\"i\"", "registers are x, m", j => Statement(j, 0)["of"]![0] = "i"),
        Change("a factor too few", "SPZ009", "[", "one factor for each", j => Statement(j, 0)["by"]!.AsArray().RemoveAt(0)),
        Change("nothing is written", "SPZ018", "{", "reads h0, which nothing has written", j => Statement(j, 0)["of"]![0] = "h0"),
        Change("a prediction is written", "SPZ018", "{", "m can only be read", j => Statement(j, 0)["target"] = "m"),
        Change("no first state", "SPZ018", "[", "The beginning writes no x", j => j["solver"]!["begin"]!.AsArray().RemoveAt(1)),
        Change("a step without length", "SPZ018", "[", "Evaluation 1 changes nothing", j => j["steps"]![1]!["statements"] = new JsonArray(ManifestBuilder.Sum("x", ("x", 1)))),
        Change("a variance that no network predicts", "SPZ018", "{", "reads v", j => Statement(j, 0)["of"]![0] = "v"),
        Change("5-bit weights", "SPZ007", "5", "choose 4 or 8 or 16 or 32", j => Op(j, 1)["weightBits"] = 5),
        Networks("a table of bytes", "SPZ007", "8", "choose 16 or 32", j => j["encoders"]![0]!["operations"]![0]!["tableBits"] = 8),
        Change("4-bit products", "SPZ007", "4", "choose 8 or 32", j => Op(j, 10)["productBits"] = 4),
        Change("16 levels", "SPZ007", "16", "choose 15 or 255", j => j["steps"]![0]!["levels"]![0] = 16),
        Change("fraction for integer", "SPZ008", "8.5", "whole number", j => j["model"]!["height"] = 8.5),
        Change("more rows than any integer", "SPZ008", "99999999999999999999", "between 1 and 4096", j => j["model"]!["height"] = JsonNode.Parse("99999999999999999999")),
        Change("no rows", "SPZ008", "0", "between 1 and 4096", j => j["network"]!["maps"]![3]!["height"] = 0),
        Change("number beyond FP32", "SPZ008", "1E+39", "finite in FP32", j => j["steps"]![1]!["k"] = 1e39),
        Change("number beyond FP64", "SPZ008", "1e999", "finite in FP32", j => j["steps"]![1]!["k"] = JsonNode.Parse("1e999")),
        Change("scale zero", "SPZ008", "0", "greater than zero", j => j["steps"]![1]!["scales"]![0] = 0),
        Change("scale that is zero in FP32", "SPZ008", "1E-60", "greater than zero", j => j["steps"]![1]!["scales"]![0] = 1e-60),
        Change("negative σ", "SPZ008", "-0.1", "must not be negative", j => j["steps"]![1]!["calibratedSigma"] = -0.1),
        Change("gain zero", "SPZ008", "0", "must not be zero", j => j["steps"]![1]!["gain"] = 0),
        Change("zero point above its levels", "SPZ008", "16", "above the 15 levels", j => j["steps"]![0]!["zeroPoints"]![1] = 16),
        Change("even kernel", "SPZ008", "2", "only odd ones", j => Op(j, 1)["kernelSize"] = 2),
        Change("vector beyond the embedding", "SPZ008", "9", "elements 9 to 16", j => Op(j, 16)["vector"] = 9),
        Change("table too short", "SPZ009", "[", "has 7 elements; it must have 8", j => j["steps"]![1]!["scales"]!.AsArray().RemoveAt(0)),
        Change("no entries for attention", "SPZ009", "[", "has 8 elements; it must have 11", QuantizeProducts),
        Change("offset per channel", "SPZ009", "[", "one number per channel", j => j["steps"]![1]!["offset"]!.AsArray().Add(0)),
        Change("guidance without moments", "SPZ009", "{", "which guidance needs", j => { j["steps"]![1]!.AsObject().Remove("covariance"); }, guided: true),
        Change("statistics of fewer steps", "SPZ009", "[", "'kLow' has 1 elements; it must have 2", j => j["statistics"]![0]!["kLow"]!.AsArray().RemoveAt(1), guided: true),
        Change("bias per channel and step", "SPZ009", "[", "'bias' has 3 elements", j => j["statistics"]![0]!["bias"]!.AsArray().Add(0), guided: true),
        Change("means without covariance", "SPZ009", "[", "none without a covariance", j => j["steps"]![1]!["means"] = new JsonArray(1, 2, 3, 4)),
        Change("two maps of one name", "SPZ010", "\"h0\"", "Two maps", j => j["network"]!["maps"]![5]!["name"] = "h0"),
        Change("two operations of one name", "SPZ010", "\"conv_in\"", "Two operations", j => Op(j, 3)["name"] = "conv_in"),
        Change("misspelled map", "SPZ011", "\"conv_in.x\"", "did you mean 'conv_in.q'?", j => Op(j, 1)["input"] = "conv_in.x"),
        Change("unknown map", "SPZ011", "\"nowhere\"", "declare it", j => Op(j, 5)["residual"] = "nowhere"),
        Change("unknown epsilon", "SPZ011", "\"eps\"", "declare it", j => j["network"]!["epsilon"] = "eps"),
        Change("read before written", "SPZ012", "\"h2\"", "read before", j => Op(j, 5)["residual"] = "h2"),
        Change("operations in reverse", "SPZ012", "\"out.q\"", "read before", j => j["network"]!["operations"] = new JsonArray([.. j["network"]!["operations"]!.AsArray().Reverse().Select(o => o!.DeepClone())])),
        Change("written twice", "SPZ012", "\"h0\"", "a second time", j => Op(j, 3)["output"] = "h0"),
        Change("latent written", "SPZ012", "\"latent\"", "only the solver", j => Op(j, 1)["output"] = "latent"),
        Change("map never written", "SPZ012", "\"spare\"", "No operation writes", j => j["network"]!["maps"]!.AsArray().Add(new JsonObject { ["name"] = "spare", ["height"] = 1, ["width"] = 1, ["channels"] = 1, ["type"] = "float32" })),
        Change("epsilon from attention", "SPZ012", "\"a.o\"", "written by a convolution", j => { j["network"]!["epsilon"] = "a.o"; Size(j, "a.o", 8, 1); }),
        Change("quantize of another shape", "SPZ013", "\"conv_in.q\"", "8×8×3; it must have the shape of 'latent', 8×8×1", j => Size(j, "conv_in.q", 8, 3)),
        Change("image of another size", "SPZ013", "\"latent\"", "The latent is 4×8×1", j => Map(j, "latent")["height"] = 4),
        Change("groups that do not divide", "SPZ013", "3", "3 groups do not divide 8", j => Op(j, 2)["groups"] = 3),
        Change("heads that do not divide", "SPZ013", "3", "3 heads do not divide 8", j => Op(j, 10)["heads"] = 3),
        Change("output of another size", "SPZ013", "0", "do not give 8 rows", j => { Op(j, 3)["paddingTop"] = 0; Op(j, 3)["kernelSize"] = 1; Op(j, 3)["paddingLeft"] = 0; Op(j, 3)["upsample"] = 2; Map(j, "r1.h")["width"] = 16; }),
        Change("residual of another shape", "SPZ013", "\"latent\"", "must have the shape of 'h1'", j => Op(j, 5)["residual"] = "latent"),
        Change("8-bit weights on bytes", "SPZ014", "\"r1.q\"", "reads a quantized16 map", j => Op(j, 3)["weightBits"] = 8),
        Change("weights in floating point on bytes", "SPZ014", "\"r1.q\"", "16-bit weights reads a float32 map", j => Op(j, 3)["weightBits"] = 16),
        Change("quantize to FP32", "SPZ014", "\"spare\"", "A quantized map is expected", j =>
        {
            j["network"]!["maps"]!.AsArray().Add(new JsonObject { ["name"] = "spare", ["height"] = 8, ["width"] = 8, ["channels"] = 1, ["type"] = "float32" });
            j["network"]!["operations"]!.AsArray().Add(new JsonObject { ["op"] = "quantize", ["name"] = "spare", ["input"] = "latent", ["output"] = "spare" });
        }),
        Change("attention over bytes", "SPZ014", "\"a.o\"", "A float32 map is expected", j => Map(j, "a.o")["type"] = "quantized8"),
        Change("quantized latent", "SPZ014", "\"latent\"", "must be a float32 map", j => Map(j, "latent")["type"] = "quantized16"),
        Change("no steps", "SPZ015", "[", "'steps' has 0 elements", j => j["steps"] = new JsonArray()),
        Change("sums that overflow", "SPZ015", "{", "overflow", j =>
        {
            Map(j, "conv_in.q")["channels"] = 65536;
            Map(j, "latent")["channels"] = 64;
            j["model"]!["channels"] = 64;
            Map(j, "epsilon")["channels"] = 64;
            foreach (JsonNode? step in j["steps"]!.AsArray()) step!["offset"] = new JsonArray([.. Enumerable.Range(0, 64).Select(_ => JsonValue.Create(0))]);
            Op(j, 0)["op"] = "groupNorm";
            Op(j, 0)["groups"] = 1;
            Op(j, 0)["epsilon"] = 1;
            Op(j, 0)["silu"] = true;
            Op(j, 0)["input"] = "wide";
            j["network"]!["maps"]!.AsArray().Add(new JsonObject { ["name"] = "wide", ["height"] = 8, ["width"] = 8, ["channels"] = 65536, ["type"] = "float32" });
            j["network"]!["operations"]!.AsArray().Insert(0, new JsonObject
            {
                ["op"] = "convolution", ["name"] = "widen", ["input"] = "latent", ["output"] = "wide", ["kernelSize"] = 1, ["stride"] = 1, ["paddingTop"] = 0,
                ["paddingLeft"] = 0, ["upsample"] = 1, ["weightBits"] = 32, ["vector"] = -1, ["outputScale"] = 1,
            });
        }),
        Change("products that overflow", "SPZ015", "8", "overflow the 32-bit sums", _ => { }, new ManifestBuilder { Size = 512, ProductBits = 8 }.WithEveryOperation()),
        new("map beyond 2 GiB", "SPZ015", new ManifestBuilder { Size = 4096, Channels = 64 }.WithOneConvolution().ToString(), "{", "2 GiB"),
        Change("activations beyond 16 GiB", "SPZ015", "{", "16 GiB", j =>
        {
            JsonArray first = j["steps"]![0]!["statements"]!.AsArray(), next = j["steps"]![1]!["statements"]!.AsArray();
            foreach (string kind in (string[])["h", "s"])
            {
                string[] kept = [.. Enumerable.Range(0, 8).Select(i => $"{kind}{i}")];
                foreach (string register in kept) first.Add(ManifestBuilder.Sum(register, kind == "h" ? ("m", 1) : ("x", 1)));
                next.Add(ManifestBuilder.Sum("x", [("x", 1), .. kept.Select(k => (k, 0.1))]));
            }
        }, new ManifestBuilder { Size = 2048, Channels = 64 }.WithOneConvolution()),
        Change("map of too many elements", "SPZ015", "{", "has more than 268435456 elements", _ => { }, new ManifestBuilder { Size = 2049, Channels = 64 }.WithOneConvolution()),
        Change("guidance outside its interval", "SPZ016", "7", "outside the calibrated interval", j => j["sampling"]!["guidance"] = 7),
        Change("guidance without null label", "SPZ016", "2", "needs a null label", j => { j["sampling"]!["guidance"] = 2; j["model"]!["nullLabel"] = -1; }, guided: true),
        Change("null label that is no class", "SPZ016", "3", "none of the 3 classes", j => j["model"]!["nullLabel"] = 3, guided: true),
        Change("classes that differ", "SPZ016", "4", "4 classes, the model 3", j => j["network"]!["embedding"]!["classes"] = 4, guided: true),
        Change("rows beyond the table", "SPZ016", "3", "the 2 steps begin at row 2", j => (j["network"]!["embedding"]!["rows"], j["network"]!["embedding"]!["firstRow"]) = (3, 2)),
        Change("a first row without a table of rows", "SPZ016", "1", "the 2 steps begin at row 1", j => j["network"]!["embedding"]!["firstRow"] = 1),
        Change("width without classes", "SPZ016", "16", "width is 0", j => j["network"]!["embedding"]!["width"] = 16),
        Change("one half of a skip", "SPZ016", "{", "belong together", j =>
        {
            Op(j, 14)["skip"] = null;
            Op(j, 14)["skipOutput"] = "u.qb";
        }),
        Networks("no entries for a network", "SPZ009", "[", "'scales' has 0 elements; it must have 1", j => j["decoder"]!["scales"] = new JsonArray()),
        Networks("zero point of a network", "SPZ008", "16", "above the 15 levels", j => { j["decoder"]!["levels"]![0] = 15; j["decoder"]!["zeroPoints"]![0] = 16; }),
        Networks("a network without input", "SPZ015", "[", "'inputs' has 0 elements", j => j["encoders"]![0]!["inputs"] = new JsonArray()),
        Networks("output that nothing reads", "SPZ012", "[", "Nothing that follows reads 'h'", j => j["encoders"]![0]!["outputs"]!.AsArray().Add("h")),
        Networks("state for an encoder", "SPZ012", "[", "no encoder can read", j => Rename(j, "encoders", "ids", "latent")),
        Networks("connection of two shapes", "SPZ013", "[", "'encoder_hidden_states' is 1×5×8 here and 1×4×8 elsewhere", j => Width(j, 5, "encoder_hidden_states", "attn.c", "kv")),
        Networks("decoder of another state", "SPZ012", "[", "its input is called 'latent'", j => Rename(j, "decoder", "latent", "z0")),
        Networks("state of two sizes", "SPZ013", "[", "The decoder reads 8×9×1, the state is 8×8×1", j => { foreach (int i in (int[])[0, 1, 2, 3]) j["decoder"]!["maps"]![i]!["width"] = 9; j["decoder"]!["maps"]![4]!["width"] = 18; }),
        Networks("two networks of one name", "SPZ010", "\"vae\"", "Two networks", j => j["encoders"]![0]!["name"] = "vae"),
        Networks("name of the sampled network's own", "SPZ010", "\"attn\"", "begin with 'attn.'", j => j["decoder"]!["name"] = "attn"),
        Networks("given map that is another's", "SPZ010", "[", "has a map 'h0' of its own", j => { Rename(j, "encoders", "ids", "h0"); j["prompt"]!["input"] = "h0"; }),
        Networks("one entry for a call", "SPZ016", "0.5", "'attn.to_kv.quantize' runs once a call", j => j["steps"]![1]!["scales"]![1] = 0.5),
        Networks("prompt for nobody", "SPZ011", "\"id\"", "there are ids", j => j["prompt"]!["input"] = "id"),
        Networks("too few tokens", "SPZ009", "[", "'empty' has 3 elements", j => j["prompt"]!["empty"]!.AsArray().RemoveAt(0)),
        Networks("vocabulary without merges", "SPZ016", "{", "both or neither", j => j["prompt"]!.AsObject().Remove("merges")),
        Networks("token that is none", "SPZ008", "12", "none of the 12", j => j["prompt"]!["empty"]![3] = 12),
        new("damaged UTF-8", "SPZ017", Valid().ToString().Replace("0.1.0", "0.1.\uFFFD", StringComparison.Ordinal), "\uFFFD", "UTF-8"),
        new("byte order mark", "SPZ017", "\uFEFF" + Valid(), "\uFEFF", "UTF-8"),
    ];

    private static JsonObject Statement(JsonObject manifest, int index) => manifest["steps"]![0]!["statements"]![index]!.AsObject();

    private static ManifestBuilder Valid() => new ManifestBuilder { FirstStepsAtFourBits = 1 }.WithEveryOperation();

    private static ManifestMistake Change(string title, string id, string marked, string message, Action<JsonObject> damage, bool guided = false) =>
        Change(title, id, marked, message, damage, guided
            ? new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation()
            : Valid());

    private static ManifestMistake Change(string title, string id, string marked, string message, Action<JsonObject> damage, ManifestBuilder builder)
    {
        JsonObject json = builder.ToJson();
        damage(json);
        return new(title, id, ManifestBuilder.Text(json), marked, message);
    }

    private static ManifestMistake Networks(string title, string id, string marked, string message, Action<JsonObject> damage) =>
        Change(title, id, marked, message, damage, new ManifestBuilder { Guided = true }.WithNetworks());

    private static void Width(JsonObject json, int width, params string[] maps)
    {
        foreach (string map in maps) Map(json, map)["width"] = width;
    }

    /// <summary>Another name for a map of the networks in one place.</summary>
    private static void Rename(JsonObject json, string place, string from, string to) =>
        json[place] = JsonNode.Parse(json[place]!.ToJsonString().Replace($"\"{from}\"", $"\"{to}\"", StringComparison.Ordinal));

    private static JsonObject Op(JsonObject json, int index) => json["network"]!["operations"]![index]!.AsObject();

    /// <summary>In the last step alone the entries are missing.</summary>
    private static void QuantizeProducts(JsonObject json)
    {
        Op(json, 10)["productBits"] = 8;
        foreach (string table in (string[])["scales", "zeroPoints", "levels"])
            foreach (int step in (int[])[0, 1])
                for (int i = 0; i < 3 && !(table == "scales" && step == 1); i++) json["steps"]![step]![table]!.AsArray().Add(255);
    }

    private static JsonObject Map(JsonObject json, string name) =>
        json["network"]!["maps"]!.AsArray().Single(m => m!["name"]!.GetValue<string>() == name)!.AsObject();

    private static void Size(JsonObject json, string map, int size, int channels)
    {
        JsonObject found = Map(json, map);
        (found["height"], found["width"], found["channels"]) = (size, size, channels);
    }

    private static void Rename(JsonNode node, string from, string to)
    {
        JsonObject json = node.AsObject();
        JsonNode value = json[from]!.DeepClone();
        json.Insert(json.IndexOf(from), to, value);
        json.Remove(from);
    }
}
