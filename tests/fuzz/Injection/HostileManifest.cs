using System.Text.Json.Nodes;
using Specializer.Generator.Tests;

namespace Specializer.Fuzz;

/// <summary>A sound manifest, its texts exchanged: those that name one thing everywhere alike.</summary>
/// <param name="Template">Index of the sound one.</param>
/// <param name="Exchanged">New text by old one.</param>
internal sealed record HostileManifest(int Template, IReadOnlyDictionary<string, string> Exchanged)
{
    private static readonly JsonObject[] s_templates =
    [
        new ManifestBuilder().WithOneConvolution().ToJson(),
        new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation().ToJson(),
        new ManifestBuilder { Steps = 1 }.WithMapOperations().ToJson(),
        new ManifestBuilder { Guided = true }.WithNetworks().ToJson(),
    ];

    private static readonly string[] s_json = [.. s_templates.Select(t => t.ToJsonString())];

    // Texts with a meaning, which another text would only make wrong. Maps and operations are what is left.
    private static readonly HashSet<string> s_words = [.. "op type function meanCorrection policy sha256 $schema target of family".Split(' ')];

    public static int Templates => s_templates.Length;

    /// <summary>The template as it is.</summary>
    public static HostileManifest Sound(int template) => new(template, new Dictionary<string, string>());

    public static HostileManifest Of(Random random)
    {
        int template = random.Next(s_templates.Length);
        string[] texts = [.. Texts(s_templates[template]).Distinct(StringComparer.Ordinal)];
        var exchanged = new Dictionary<string, string>(StringComparer.Ordinal);
        // Names that the reader must refuse hide what lies behind it: most manifests have none.
        bool refused = random.Next(8) == 0;
        foreach (string text in texts)
        {
            if (random.Next(3) == 0) exchanged[text] = !refused && IsName(template, text) ? HostileText.Path(random) : HostileText.Of(random);
        }

        return new(template, exchanged);
    }

    /// <summary>Those with one text less exchanged.</summary>
    public IEnumerable<HostileManifest> Smaller() =>
        Exchanged.Keys.Select(text => this with { Exchanged = Exchanged.Where(e => e.Key != text).ToDictionary(StringComparer.Ordinal) });

    /// <summary>The manifest's text.</summary>
    public string Text()
    {
        JsonNode json = s_templates[Template].DeepClone();
        Exchange(json, "");
        return ManifestBuilder.Compact(json);
    }

    private static bool IsName(int template, string text) =>
        s_json[template].Contains($"\"name\":\"{text}\"", StringComparison.Ordinal) || s_json[template].Contains($"\"input\":\"{text}\"", StringComparison.Ordinal);

    private static IEnumerable<string> Texts(JsonNode? node, string property = "") => node switch
    {
        JsonObject all => all.SelectMany(p => Texts(p.Value, p.Key)).Concat(property == "settings" ? all.Select(p => p.Key) : []),
        JsonArray items => items.SelectMany(i => Texts(i, property)),
        JsonValue value when value.TryGetValue(out string? text) && !s_words.Contains(property) => [text],
        _ => [],
    };

    private void Exchange(JsonNode node, string property)
    {
        if (node is JsonArray array)
        {
            for (int i = 0; i < array.Count; i++)
                if (New(array[i], property) is { } text) array[i] = text;
                else if (array[i] is { } item) Exchange(item, property);
        }
        else if (node is JsonObject all)
        {
            foreach (var (name, value) in all.ToArray())
            {
                if (New(value, name) is { } text) all[name] = text;
                else if (value is not null) Exchange(value, name);
                if (property != "settings" || !Exchanged.TryGetValue(name, out string? key) || all.ContainsKey(key)) continue;
                JsonNode? moved = all[name];
                all.Remove(name);
                all[key] = moved;
            }
        }
    }

    private string? New(JsonNode? value, string property) =>
        !s_words.Contains(property) && value is JsonValue text && text.TryGetValue(out string? old) && Exchanged.TryGetValue(old, out string? exchanged) ? exchanged : null;
}
