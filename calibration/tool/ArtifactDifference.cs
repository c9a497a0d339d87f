using System.Globalization;
using System.Text.Json;
using Specializer.Calibration;

namespace Specializer.Tool;

/// <summary>One place in which two artefacts differ.</summary>
/// <param name="Where">Path in the manifest: <c>steps[13].k</c>, <c>network.operations[conv_in].weightBits</c>.</param>
/// <param name="A">What the first one says; a dash where it says nothing.</param>
/// <param name="B">What the second one says.</param>
internal sealed record ArtifactDifference(string Where, string A, string B)
{
    private const string None = "–";

    // Longer tables are counted, not shown.
    private const int LongestShown = 48;

    /// <summary>All differences, in the order of the manifests; a table of numbers counts as one. Weights are compared by their digest.</summary>
    /// <param name="a">Manifest or folder.</param>
    /// <param name="b">Manifest or folder.</param>
    /// <exception cref="ArtifactException">An artefact is malformed, or a folder holds none or several.</exception>
    /// <exception cref="IOException">A file is missing or unreadable.</exception>
    public static IReadOnlyList<ArtifactDifference> Between(string a, string b)
    {
        List<KeyValuePair<string, JsonElement>> ours = Facts(a), theirs = Facts(b);
        var first = new Dictionary<string, JsonElement>(ours, StringComparer.Ordinal);
        var second = new Dictionary<string, JsonElement>(theirs, StringComparer.Ordinal);
        return [.. ours.Concat(theirs).Select(f => f.Key).Distinct(StringComparer.Ordinal).Select(k => Compare(k, Find(first, k), Find(second, k))).OfType<ArtifactDifference>()];
    }

    private static JsonElement? Find(Dictionary<string, JsonElement> facts, string key) => facts.TryGetValue(key, out JsonElement value) ? value : null;

    private static ArtifactDifference? Compare(string where, JsonElement? a, JsonElement? b)
    {
        if (a?.GetRawText() == b?.GetRawText()) return null;
        if (a is { ValueKind: JsonValueKind.Array } x && b is { ValueKind: JsonValueKind.Array } y && Math.Max(x.GetRawText().Length, y.GetRawText().Length) > LongestShown)
        {
            int differing = x.EnumerateArray().Zip(y.EnumerateArray()).Count(p => p.First.GetRawText() != p.Second.GetRawText()) + Math.Abs(x.GetArrayLength() - y.GetArrayLength());
            return new(where, Count(x), string.Create(CultureInfo.InvariantCulture, $"{Count(y)}, {differing:N0} differ"));
        }

        return new(where, Text(a), Text(b));
    }

    private static string Text(JsonElement? value) => value switch
    {
        null => None,
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { ValueKind: JsonValueKind.Array } table when table.GetRawText().Length > LongestShown => Count(table),
        { } other => other.GetRawText(),
    };

    private static string Count(JsonElement table) => string.Create(CultureInfo.InvariantCulture, $"{table.GetArrayLength():N0} numbers");

    private static List<KeyValuePair<string, JsonElement>> Facts(string path)
    {
        string manifest = File.Exists(path) ? path : CalibrationArtifact.Find(path);
        // Both files are checked: what is compared is sound.
        using CalibrationArtifact artifact = CalibrationArtifact.Open(manifest);
        using JsonDocument document = JsonDocument.Parse(artifact.Text);
        var facts = new List<KeyValuePair<string, JsonElement>>();
        Flatten(document.RootElement.Clone(), "", facts);
        return facts;
    }

    /// <summary>Every value that holds no named ones, under its path. Elements of lists go by their names where they have one: then one more operation shifts none.</summary>
    private static void Flatten(JsonElement element, string path, List<KeyValuePair<string, JsonElement>> facts)
    {
        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in element.EnumerateObject()) Flatten(property.Value, path.Length == 0 ? property.Name : $"{path}.{property.Name}", facts);
        }
        else if (element.ValueKind == JsonValueKind.Array && element.GetArrayLength() > 0 && element[0].ValueKind == JsonValueKind.Object)
        {
            int index = 0;
            foreach (JsonElement item in element.EnumerateArray())
            {
                Flatten(item, $"{path}[{(item.TryGetProperty("name", out JsonElement name) ? name.GetString() : index.ToString(CultureInfo.InvariantCulture))}]", facts);
                index++;
            }
        }
        else facts.Add(new(path, element));
    }
}
