using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Specializer.Calibration;

/// <summary>One JSON object of a model folder. Each property is asked for once with its default; what was never asked for is ignored where it cannot
/// change the arithmetic, and refused where it might. All refusals come together.</summary>
internal sealed class ConfigurationReader
{
    // What diffusers' EMAModel adds when it saves averaged weights: how they were averaged.
    private static readonly HashSet<string> s_averaging = ["decay", "min_decay", "optimization_step", "update_after_step", "use_ema_warmup", "inv_gamma", "power"];

    private readonly Dictionary<string, JsonElement> _properties = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal), _harmless = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _taken = new(StringComparer.Ordinal);
    private readonly List<UnsupportedSetting> _refused = [];

    private ConfigurationReader(string file, JsonElement root)
    {
        File = file;
        Json = root.GetRawText();
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (!_properties.TryAdd(property.Name, property.Value))
                throw new ModelImportException(file, property.Name, "the property stands there twice. Remove one of them.");
        }
    }

    /// <summary>Path of the file, for messages.</summary>
    public string File { get; }

    /// <summary>The object as standard JSON.</summary>
    public string Json { get; }

    /// <summary>SHA-256 of the file, 64 lower-case hex digits.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Every value that was asked for, as it is or as it is without the property, by name: what a configuration amounts to.</summary>
    public IReadOnlyDictionary<string, string> Taken => _taken;

    /// <summary>Properties of the file that nobody asked for, in its order.</summary>
    public IEnumerable<IgnoredSetting> Ignored => _properties.Keys.Where(k => !_used.Contains(k)).Select(k => new IgnoredSetting(File, k));

    /// <exception cref="ModelImportException">The file is missing or is no JSON object.</exception>
    public static ConfigurationReader Open(string file)
    {
        return Parse(file, ModelFile.ReadAll(file));
    }

    /// <param name="file">Path, or what stands for it, for messages.</param>
    /// <param name="bytes">Content.</param>
    /// <exception cref="ModelImportException">It is no JSON object.</exception>
    public static ConfigurationReader Parse(string file, byte[] bytes)
    {
        try
        {
            JsonElement root = ConfigurationJson.Parse(bytes);
            return root.ValueKind == JsonValueKind.Object
                ? new(file, root) { Sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)) }
                : throw new ModelImportException(file, null, $"holds a JSON {Name(root.ValueKind)} where an object is expected.");
        }
        catch (FormatException e)
        {
            throw new ModelImportException(file, null, ForeignContent.Describe(bytes) ?? $"{e.Message} Download the model again, or correct the file.", e);
        }
    }

    /// <summary>The same file, of which nothing was asked yet.</summary>
    /// <param name="replaced">Properties that have another value, as JSON.</param>
    public ConfigurationReader Anew(params ReadOnlySpan<(string Key, string Json)> replaced)
    {
        using JsonDocument document = JsonDocument.Parse(Json);
        var reader = new ConfigurationReader(File, document.RootElement.Clone()) { Sha256 = Sha256 };
        foreach (var (key, json) in replaced)
        {
            using JsonDocument value = JsonDocument.Parse(json);
            reader._properties[key] = value.RootElement.Clone();
        }

        return reader;
    }

    /// <summary>Notes what a property amounts to, which only its reader can say.</summary>
    public void Take(string key, string value) => _taken[key] = value;

    /// <summary>Whether the property is there, be it null.</summary>
    public bool Has(string key) => Find(key) is not null;

    public bool IsNull(string key) => Find(key) is { ValueKind: JsonValueKind.Null };

    public string Text(string key, string absent) => Taking(key, Find(key) is not { } value ? absent
        : value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Mismatch(key, value, "a string"));

    public bool Flag(string key, bool absent) => Taking(key, Find(key) is not { } value ? absent : value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Mismatch(key, value, "true or false"),
    });

    /// <summary>An integer within [minimum, maximum].</summary>
    public int Integer(string key, int absent, int minimum, int maximum) =>
        Taking(key, Find(key) is { } value ? Integer(key, value, minimum, maximum) : absent);

    /// <summary>An integer within [minimum, maximum], or null when the property is null or absent.</summary>
    public int? IntegerOrNull(string key, int minimum, int maximum) =>
        Taking<int?>(key, Find(key) is { ValueKind: not JsonValueKind.Null } value ? Integer(key, value, minimum, maximum) : null);

    /// <summary>A finite number above 0.</summary>
    public double Positive(string key, double absent) => Taking(key, Find(key) is not { } value ? absent
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && double.IsFinite(number) && number > 0 ? number
        : throw Mismatch(key, value, "a finite number above 0"));

    /// <summary>A number within [minimum, maximum].</summary>
    public double Number(string key, double absent, double minimum, double maximum) =>
        Taking(key, Find(key) is { } value ? Number(key, value, minimum, maximum) : absent);

    /// <summary>A number within [minimum, maximum], or null when the property is null or absent.</summary>
    public double? NumberOrNull(string key, double minimum, double maximum) =>
        Taking<double?>(key, Find(key) is { ValueKind: not JsonValueKind.Null } value ? Number(key, value, minimum, maximum) : null);

    /// <summary>Numbers within [minimum, maximum], or null when the property is null or absent.</summary>
    public double[]? NumbersOrNull(string key, double minimum, double maximum) => Find(key) is not { ValueKind: not JsonValueKind.Null } value ? Taking<double[]?>(key, null)
        : value.ValueKind == JsonValueKind.Array ? TakingDigest(key, [.. value.EnumerateArray().Select(e => Number(key, e, minimum, maximum))])
        : throw Mismatch(key, value, "an array of numbers");

    public int[] Integers(string key, int[] absent, int minimum, int maximum)
    {
        int[] integers = Find(key) is not { } value ? absent
            : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(e => Integer(key, e, minimum, maximum))]
            : throw Mismatch(key, value, "an array of integers");
        Taking(key, string.Join(", ", integers));
        return integers;
    }

    /// <summary>An array of integers or of arrays of them; an integer is an array of one.</summary>
    public int[][] IntegerLists(string key, int minimum, int maximum)
    {
        if (Find(key) is not { ValueKind: JsonValueKind.Array } value) throw new ModelImportException(File, key, $"the value is {Shorten(Raw(key))}; an array of integers, or of arrays of them, is expected.");
        return [.. value.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Array ? e.EnumerateArray().Select(i => Integer(key, i, minimum, maximum)).ToArray() : [Integer(key, e, minimum, maximum)])];
    }

    /// <summary>An array of true and false.</summary>
    public bool[] Flags(string key) => Find(key) is { ValueKind: JsonValueKind.Array } value && value.EnumerateArray().All(e => e.ValueKind is JsonValueKind.True or JsonValueKind.False)
        ? [.. value.EnumerateArray().Select(e => e.GetBoolean())]
        : throw new ModelImportException(File, key, $"the value is {Shorten(Raw(key))}; an array of true and false is expected.");

    public string[] Texts(string key, string[] absent) => Find(key) is not { } value ? absent
        : value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(e => e.GetString()!)]
            : throw Mismatch(key, value, "an array of strings");

    /// <summary>Refuses every value but those given (as JSON); an absent property has its default, which is one of them.</summary>
    public void Require(string key, string supported, params ReadOnlySpan<string> values)
    {
        if (Find(key) is { } value && !values.Contains(value.GetRawText())) Refuse(key, value.GetRawText(), supported);
    }

    /// <summary>Notes something that is not computed, to be reported with all else by <see cref="ThrowIfRefused"/>.</summary>
    public void Refuse(string key, string value, string supported)
    {
        if (!_refused.Any(r => r.Key == key && r.Value == value)) _refused.Add(new(key, value, supported));
    }

    /// <exception cref="UnsupportedModelException">Something was refused; it names everything so far.</exception>
    public void ThrowIfRefused()
    {
        if (_refused.Count > 0) throw new UnsupportedModelException(File, _refused);
    }

    /// <summary>Names properties that may hold anything, because they do not change what is computed.</summary>
    public void Ignore(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys) _harmless.Add(key);
    }

    /// <summary>Refuses properties that were never asked for, for they may change the arithmetic. Names with a leading underscore are notes, a null asks for nothing,
    /// and how weights were averaged is past.</summary>
    /// <exception cref="UnsupportedModelException">Something was refused, now or before; it names everything.</exception>
    public void RejectUnknown()
    {
        foreach (var (_, key) in Ignored)
        {
            if (!_harmless.Contains(key) && !key.StartsWith('_') && !s_averaging.Contains(key) && _properties[key].ValueKind != JsonValueKind.Null)
                Refuse(key, Raw(key), "The property is unknown, so the network may differ from what would be computed. Remove it if it does not change the arithmetic.");
        }

        ThrowIfRefused();
    }

    /// <summary>The property as JSON, for messages.</summary>
    public string Raw(string key) => _properties.TryGetValue(key, out JsonElement value) ? value.GetRawText() : "null";

    /// <summary>Whether the property is an array.</summary>
    public bool IsArray(string key) => Find(key) is { ValueKind: JsonValueKind.Array };

    // There may be a thousand of them.
    private double[] TakingDigest(string key, double[] values)
    {
        Taking(key, "SHA-256 " + Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values.AsSpan()))));
        return values;
    }

    private T Taking<T>(string key, T value)
    {
        // As JSON spells it.
        _taken[key] = value switch
        {
            null => "null",
            bool flag => flag ? "true" : "false",
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString()!,
        };
        return value;
    }

    private JsonElement? Find(string key)
    {
        _used.Add(key);
        return _properties.TryGetValue(key, out JsonElement value) ? value : null;
    }

    private int Integer(string key, JsonElement value, int minimum, int maximum)
    {
        // 1.0 is how some writers print an integer.
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number)
            && number == Math.Floor(number) && number >= minimum && number <= maximum
            ? (int)number
            : throw Mismatch(key, value, $"an integer from {minimum} to {maximum}");
    }

    private double Number(string key, JsonElement value, double minimum, double maximum) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= minimum && number <= maximum
            ? number
            : throw Mismatch(key, value, FormattableString.Invariant($"a number from {minimum} to {maximum}"));

    private ModelImportException Mismatch(string key, JsonElement value, string expected) =>
        new(File, key, $"the value is {Shorten(value.GetRawText())}; {expected} is expected.");

    private static string Shorten(string json) => json.Length <= 60 ? json : json[..57] + "...";

    private static string Name(JsonValueKind kind) => kind.ToString().ToLowerInvariant();
}
