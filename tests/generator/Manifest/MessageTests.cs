using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Specializer.Manifest;
using JsonNode = System.Text.Json.Nodes.JsonNode;

namespace Specializer.Generator.Tests;

/// <summary>Every message of the reader as people get it, whole and at its place: what changes shows in the snapshots. Other tests say which mistakes there are, and compare a few words.</summary>
public sealed partial class MessageTests
{
    private const int Shown = 3, Around = 24;

    [Fact]
    public Task Of_properties()
    {
        var text = new StringBuilder();
        foreach (var (sound, name, path) in ManifestPaths.All())
        {
            JsonNode without = ValidationTests.Sound(sound);
            ManifestPaths.Holder(without, path).AsObject().Remove((string)path[^1]);
            Append(text, $"{sound}: {name} is missing", ManifestBuilder.Text(without));
            foreach (JsonNode? value in Wrong(ManifestPaths.Holder(ValidationTests.Sound(sound), path)[(string)path[^1]]))
            {
                JsonNode json = ValidationTests.Sound(sound);
                ManifestPaths.Holder(json, path)[(string)path[^1]] = value;
                string shown = value is JsonArray { Count: > 2 } array ? $"{array.Count} elements" : value?.ToJsonString() ?? "null";
                Append(text, $"{sound}: {name} = {(shown.Length > 2 * Around ? "another" : shown)}", ManifestBuilder.Text(json));
            }
        }

        return Snapshot.Verify(text.ToString(), "txt");
    }

    /// <summary>Each map a row, a column or a channel larger or smaller, or of another type: what reads and what writes it must say so.</summary>
    [Fact]
    public Task Of_maps()
    {
        var text = new StringBuilder();
        foreach (string sound in (string[])["every", "maps", "pair", "masks"])
        {
            int count = Maps(ValidationTests.Sound(sound)).Length;
            for (int map = 0; map < count; map++)
            {
                foreach (string property in (string[])["height", "width", "channels"])
                    foreach (int more in (int[])[-1, 1]) Damage(map, property, m => m[property] = m[property]!.GetValue<int>() + more);
                foreach (string type in (string[])["float32", "quantized8", "quantized16"]) Damage(map, "type", m => m["type"] = type);
            }

            void Damage(int map, string property, Action<JsonNode> damage)
            {
                JsonNode json = ValidationTests.Sound(sound), damaged = Maps(json)[map];
                damage(damaged);
                Append(text, $"{sound}: {damaged["name"]} {property} {damaged[property]}", ManifestBuilder.Text(json));
            }
        }

        return Snapshot.Verify(text.ToString(), "txt");

        static JsonNode[] Maps(JsonNode json)
        {
            JsonNode?[] networks = [json["network"], .. json["encoders"]?.AsArray() ?? new JsonArray(), json["imageEncoder"], json["decoder"]];
            return [.. networks.OfType<JsonNode>().SelectMany(n => n["maps"]!.AsArray()).Select(m => m!)];
        }
    }

    [Fact]
    public Task Of_mistakes()
    {
        var text = new StringBuilder();
        foreach (ManifestMistake mistake in ManifestMistakes.All) Append(text, mistake.Title, mistake.Text);
        int index = 0;
        foreach (var (sound, damaged) in ValidationTests.Damaged()) Append(text, $"{sound} {index++}", damaged);
        return Snapshot.Verify(text.ToString(), "txt");
    }

    [Fact]
    public Task Of_programs() => Snapshot.Verify(string.Join('\n', SolverFaultTests.Messages()), "txt");

    [Fact]
    public Task Of_JSON()
    {
        var text = new StringBuilder();
        foreach (string json in JsonReaderTests.NotJson.Select(n => (string)n[0])) Append(text, json, json);
        return Snapshot.Verify(text.ToString(), "txt");
    }

    /// <summary>What a message gives as the least and the most is possible, and one beyond is not.</summary>
    [Fact]
    public void Bounds_are_inclusive()
    {
        int bounded = 0;
        foreach (var (sound, name, path) in ManifestPaths.All())
        {
            if (ManifestPaths.Holder(ValidationTests.Sound(sound), path)[(string)path[^1]] is not JsonValue value || value.GetValueKind() != JsonValueKind.Number) continue;
            if (Refusal("99999999999999999999") is not { } refusal || Between().Match(refusal) is not { Success: true } between) continue;
            bounded++;
            (long least, long most) = (long.Parse(between.Groups[1].Value, CultureInfo.InvariantCulture), long.Parse(between.Groups[2].Value, CultureInfo.InvariantCulture));
            Assert.True(Refusal(between.Groups[1].Value) is null, $"{name} cannot be {least}");
            Assert.True(Refusal(between.Groups[2].Value) is null, $"{name} cannot be {most}");
            Assert.Equal(refusal.Replace("99999999999999999999", $"{(Int128)least - 1}", StringComparison.Ordinal), Refusal($"{(Int128)least - 1}"));
            Assert.Equal(refusal.Replace("99999999999999999999", $"{(Int128)most + 1}", StringComparison.Ordinal), Refusal($"{(Int128)most + 1}"));

            // What else such a number breaks is no matter of its bounds.
            string? Refusal(string number)
            {
                JsonNode json = ValidationTests.Sound(sound);
                ManifestPaths.Holder(json, path)[(string)path[^1]] = JsonNode.Parse(number);
                return ManifestReader.Read(ManifestBuilder.Text(json)).Errors.FirstOrDefault(e => e.Id == ManifestErrorId.Range && Between().IsMatch(e.Message) && e.Message.StartsWith($"{number} is not possible as '{path[^1]}';", StringComparison.Ordinal))?.Message;
            }
        }

        Assert.True(bounded > 30, $"{bounded} properties have bounds");
    }

    /// <summary>What a property becomes: too little, too much, and what is next to what it was.</summary>
    private static IEnumerable<JsonNode?> Wrong(JsonNode? sound)
    {
        switch (sound)
        {
            case JsonArray array:
                yield return new JsonArray();
                yield return new JsonArray(true);
                if (array.Count == 0) break;
                yield return new JsonArray([.. array.Skip(1).Select(e => e?.DeepClone())]);
                yield return new JsonArray([.. array.Append(array[^1]).Select(e => e?.DeepClone())]);
                break;
            case JsonObject json:
                JsonObject more = json.DeepClone().AsObject();
                more["another"] = 1;
                yield return more;
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number:
                yield return -1;
                yield return JsonNode.Parse("1e99");
                if (!long.TryParse(value.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) || number == long.MaxValue) break;
                yield return number - 1;
                yield return number + 1;
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                yield return "x y";
                yield return "nowhere";
                break;
            case JsonValue value:
                yield return !value.GetValue<bool>();
                break;
            default:
                yield return "nowhere";
                break;
        }
    }

    /// <summary>The same of elements, where a list has a least and a most number of them.</summary>
    [Fact]
    public void Lists_are_as_long_as_their_messages_say()
    {
        int bounded = 0;
        foreach (var (sound, name, path) in ManifestPaths.All())
        {
            if (ManifestPaths.Holder(ValidationTests.Sound(sound), path)[(string)path[^1]] is not JsonArray || Refusal(JsonReader.MaximumElements) is not { } refusal) continue;
            bounded++;
            Match between = Elements().Match(refusal);
            (int least, int most) = (int.Parse(between.Groups[1].Value, CultureInfo.InvariantCulture), int.Parse(between.Groups[2].Value, CultureInfo.InvariantCulture));
            foreach (int count in (int[])[least, most]) Assert.True(Refusal(count) is null, $"{name} cannot have {count} elements");
            foreach (int count in ((int[])[least - 1, most + 1]).Where(c => c >= 0)) Assert.True(Refusal(count)?.StartsWith($"'{path[^1]}' has {count} elements; {least} to {most}", StringComparison.Ordinal) ?? false, $"{name} can have {count} elements");

            string? Refusal(int count)
            {
                JsonNode json = ValidationTests.Sound(sound);
                ManifestPaths.Holder(json, path)[(string)path[^1]] = new JsonArray([.. Enumerable.Range(0, count).Select(_ => JsonValue.Create("a"))]);
                return ManifestReader.Read(ManifestBuilder.Text(json)).Errors.FirstOrDefault(e => e.Id == ManifestErrorId.Limit && Elements().IsMatch(e.Message))?.Message;
            }
        }

        Assert.True(bounded > 10, $"{bounded} lists have bounds");
    }

    private static void Append(StringBuilder to, string what, string manifest)
    {
        EquatableArray<ManifestError> errors = ManifestReader.Read(manifest).Errors;
        to.Append(MessageText.Harmless(what)).Append('\n');
        if (errors.Count == 0) to.Append("  accepted\n");
        foreach (ManifestError error in errors.Take(Shown)) to.Append("  ").Append(error.Id).Append(' ').Append(Place(manifest, error)).Append(' ').Append(error.Message).Append('\n');
        if (errors.Count > Shown) to.Append(CultureInfo.InvariantCulture, $"  {errors.Count} in all\n");
    }

    /// <summary>What an error underlines, and what stands around it in its line.</summary>
    private static string Place(string manifest, ManifestError error)
    {
        var lines = new LineMap(manifest);
        int start = lines.Offset(error.Line, error.Column), end = lines.Offset(error.EndLine, error.EndColumn);
        int before = start - Math.Min(Math.Min(error.Column - 1, start), Around), after = manifest.IndexOf('\n', end) is >= 0 and var line ? Math.Min(line, end + Around) : Math.Min(manifest.Length, end + Around);
        return MessageText.Harmless($"{manifest[before..start].TrimStart()}»{manifest[start..Math.Min(end, start + Around)]}«{manifest[end..after]}");
    }

    [GeneratedRegex("it must lie between (-?[0-9]+) and ([0-9]+)\\.$")]
    private static partial Regex Between();

    [GeneratedRegex("^'[a-zA-Z]+' has [0-9]+ elements; ([0-9]+) to ([0-9]+) are possible\\.$")]
    private static partial Regex Elements();
}
