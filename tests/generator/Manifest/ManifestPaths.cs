using System.Text.Json.Nodes;
using JsonNode = System.Text.Json.Nodes.JsonNode;

namespace Specializer.Generator.Tests;

/// <summary>The properties of sound manifests: of elements that are alike, the first's.</summary>
internal static class ManifestPaths
{
    /// <summary>Manifests that have all properties between them.</summary>
    private static readonly string[] s_sound = ["every", "maps", "pair", "masks", "start", "guided"];

    /// <summary>Each property once: in which manifest, under which name for people, and where.</summary>
    public static IEnumerable<(string Sound, string Name, object[] Path)> All()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        return s_sound.SelectMany(sound => Below(ValidationTests.Sound(sound), "", []).Where(p => seen.Add(p.Name)).Select(p => (sound, p.Name, p.Path)).ToArray());
    }

    /// <summary>The object that holds a property.</summary>
    public static JsonNode Holder(JsonNode root, object[] path) => path[..^1].Aggregate(root, (node, step) => step is int index ? node[index]! : node[(string)step]!);

    private static IEnumerable<(string Name, object[] Path)> Below(JsonNode? node, string name, object[] path)
    {
        switch (node)
        {
            case JsonObject json:
                // What an operation or a statement is decides what else it has.
                string own = json["op"] is JsonValue op ? $"{name}({op})" : name;
                foreach (var (key, value) in json)
                {
                    yield return ($"{own}.{key}", [.. path, key]);
                    foreach (var below in Below(value, $"{own}.{key}", [.. path, key])) yield return below;
                }

                break;
            case JsonArray array:
                for (int i = 0; i < array.Count; i++)
                    foreach (var below in Below(array[i], name, [.. path, i])) yield return below;
                break;
        }
    }
}
