using System.Globalization;

namespace Specializer.Manifest;

/// <summary>Reads one JSON object property by property. Every getter reports its own mistake and gives a harmless value, so that one pass finds
/// all of them; <see cref="Done"/> then reports what is missing and what nobody asked for.</summary>
internal sealed class ObjectBinder
{
    private readonly JsonNode? _node;
    private readonly string _what;
    private readonly ErrorLog _log;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly List<string> _missing = [];

    /// <param name="node">The object; null when its absence was already reported, and then this binder reports nothing.</param>
    /// <param name="what">For messages, e.g. "a step".</param>
    /// <param name="log">Receives the mistakes.</param>
    public ObjectBinder(JsonNode? node, string what, ErrorLog log)
    {
        _what = what;
        _log = log;
        if (node is null || node.Kind == JsonKind.Object) _node = node;
        else log.Add(ManifestErrorId.WrongKind, $"An object is expected here: {what}.", node);
    }

    public JsonNode? Find(string property)
    {
        _known.Add(property);
        return _node?[property];
    }

    /// <summary>Whether an optional property is there.</summary>
    public bool Has(string property) => Find(property) is not null;

    public ObjectBinder Object(string property) => new(Take(property, JsonKind.Object, "an object"), $"'{property}'", _log);

    public IReadOnlyList<ObjectBinder> Objects(string property, string what, int minimum, int maximum, bool optional = false)
    {
        if (optional && Find(property) is null) return [];
        if (Take(property, JsonKind.Array, "an array") is not { } array) return [];
        if (array.Items.Count < minimum || array.Items.Count > maximum)
        {
            _log.Add(ManifestErrorId.Limit, $"'{property}' has {array.Items.Count} elements; {minimum} to {maximum} are possible.", array);
            return [];
        }

        return array.Items.Select(item => new ObjectBinder(item, what, _log)).ToArray();
    }

    public bool Boolean(string property) => Take(property, JsonKind.Boolean, "true or false")?.IsTrue ?? false;

    public long Long(string property, long minimum, long maximum) =>
        Take(property, JsonKind.Number, "a whole number") is { } node ? Long(node, property, minimum, maximum) : minimum;

    public int Integer(string property, int minimum, int maximum) => (int)Long(property, minimum, maximum);

    public EquatableArray<int> Integers(string property, int minimum, int maximum) =>
        Elements(property, JsonKind.Number, "whole numbers", optional: false, node => (int)Long(node, property, minimum, maximum));

    /// <summary>A number that is finite as FP32.</summary>
    public Number Number(string property, NumberRange range = NumberRange.Any) =>
        Take(property, JsonKind.Number, "a number") is { } node ? Number(node, property, range) : default;

    public EquatableArray<Number> Numbers(string property, NumberRange range = NumberRange.Any, bool optional = false) =>
        Elements(property, JsonKind.Number, "numbers", optional, node => Number(node, property, range));

    /// <summary>Free text. Never printed, so any character is fine.</summary>
    public string Text(string property) => Take(property, JsonKind.String, "a string")?.Text ?? "";

    public EquatableArray<string> Texts(string property) => Elements(property, JsonKind.String, "strings", optional: false, node => node.Text);

    /// <param name="property">Name of the property.</param>
    /// <param name="isAllowed">One of the rules of <see cref="Names"/>.</param>
    /// <param name="rule">The same rule in words.</param>
    public string Name(string property, Func<string, bool> isAllowed, string rule)
    {
        if (Take(property, JsonKind.String, "a string") is not { } node) return "";
        if (!isAllowed(node.Text)) _log.Add(ManifestErrorId.Name, $"{Names.Quote(node.Text)} is not allowed as '{property}': {rule}.", node);
        return node.Text;
    }

    public string ModulePath(string property) =>
        Name(property, Names.IsModulePath, $"use 1 to {Names.MaximumLength} ASCII letters, digits, '_' and '.'");

    public string? ModulePathOrNull(string property) => Find(property) is null or { Kind: JsonKind.Null } ? null : ModulePath(property);

    public EquatableArray<string> ModulePaths(string property, int maximum, int minimum = 0)
    {
        EquatableArray<string> paths = Elements(property, JsonKind.String, "names", optional: false, node =>
        {
            if (!Names.IsModulePath(node.Text)) _log.Add(ManifestErrorId.Name, $"{Names.Quote(node.Text)} is not allowed in '{property}': use 1 to {Names.MaximumLength} ASCII letters, digits, '_' and '.'.", node);
            return node.Text;
        });
        if (_node?[property] is { Kind: JsonKind.Array } array && (paths.Count < minimum || paths.Count > maximum))
            _log.Add(ManifestErrorId.Limit, $"'{property}' has {paths.Count} elements; {minimum} to {maximum} are possible.", array);
        return paths;
    }

    /// <summary>Texts by name, in the order of their names.</summary>
    public EquatableArray<Setting> Settings(string property, int maximum)
    {
        if (Take(property, JsonKind.Object, "an object") is not { } node) return default;
        if (node.Members.Count > maximum) _log.Add(ManifestErrorId.Limit, $"'{property}' has {node.Members.Count} members; at most {maximum} are possible.", node);
        for (int i = 0; i < node.Members.Count && !_log.IsFull; i++)
        {
            JsonMember member = node.Members[i];
            if (!Names.IsIdentifier(member.Name))
                _log.Add(ManifestErrorId.Name, $"{Names.Quote(member.Name)} is not allowed in '{property}': use 1 to {Names.MaximumLength} ASCII letters, digits and '_'.", member.Start, member.End);
            else if (i > 0 && string.CompareOrdinal(node.Members[i - 1].Name, member.Name) > 0)
                _log.Add(ManifestErrorId.Contradiction, $"{Names.Quote(member.Name)} stands behind {Names.Quote(node.Members[i - 1].Name)}. '{property}' are sorted by name, so that equal ones have equal text.", member.Start, member.End);
            if (member.Value.Kind != JsonKind.String)
                _log.Add(ManifestErrorId.WrongKind, $"{Names.Quote(member.Name)} is {Describe(member.Value.Kind)}; the members of '{property}' are strings.", member.Value);
        }

        return node.Members.Take(maximum).Select(m => new Setting(m.Name, m.Value.Text)).ToEquatableArray();
    }

    /// <summary>A register of a solver.</summary>
    public Register Register(string property) =>
        Take(property, JsonKind.String, "a string") is { } node ? Register(node, property) : Manifest.Register.State;

    public EquatableArray<Register> Registers(string property) => Elements(property, JsonKind.String, "registers", optional: false, node => Register(node, property));

    private Register Register(JsonNode node, string property)
    {
        if (Manifest.Register.Parse(node.Text) is { } register) return register;
        _log.Add(ManifestErrorId.Choice, $"{Names.Quote(node.Text)} is not possible as '{property}'; registers are x, m, v, d, k and w, and h, s and z with a number, as 'h0'.", node);
        return Manifest.Register.State;
    }

    /// <summary>Reports a property that does not fit the object's others; not where the property itself was wrong. All of what is not there fits.</summary>
    public void Expect(bool condition, string property, string message)
    {
        if (!condition && _node![property] is { } node) _log.Add(ManifestErrorId.Length, message, node);
    }

    public string Identifier(string property) =>
        Name(property, Names.IsIdentifier, $"use 1 to {Names.MaximumLength} ASCII letters, digits and '_'");

    public string Sha256(string property) => Name(property, Names.IsSha256, "a SHA-256 has 64 lower-case hex digits");

    public string OneOf(string property, params string[] allowed)
    {
        if (Take(property, JsonKind.String, "a string") is not { } node) return allowed[0];
        if (allowed.Contains(node.Text, StringComparer.Ordinal)) return node.Text;
        _log.Add(ManifestErrorId.Choice,
            $"{Names.Quote(node.Text)} is not possible as '{property}'; {Suggestion(node.Text, allowed) ?? $"choose {Choices(allowed)}."}", node);
        return allowed[0];
    }

    public int OneOf(string property, params int[] allowed)
    {
        if (Take(property, JsonKind.Number, "a number") is not { } node) return allowed[0];
        return OneOf(node, property, allowed);
    }

    public EquatableArray<int> ManyOf(string property, params int[] allowed) =>
        Elements(property, JsonKind.Number, "numbers", optional: false, node => OneOf(node, property, allowed));

    /// <summary>Reports missing and unknown properties. A misspelled one is one mistake, not two.</summary>
    public void Done()
    {
        if (_node is null) return;
        foreach (JsonMember member in _node.Members.Where(m => !_known.Contains(m.Name)))
        {
            if (_log.IsFull) return;
            string? meant = Names.Nearest(member.Name, _missing) ?? Names.Nearest(member.Name, _known);
            if (meant is not null) _missing.Remove(meant);
            _log.Add(ManifestErrorId.UnknownProperty,
                $"{Names.Quote(member.Name)} is not a property of {_what}; {(meant is null ? "remove it." : $"did you mean '{meant}'?")}", member.Start, member.End);
        }

        foreach (string name in _missing)
            _log.Add(ManifestErrorId.MissingProperty, $"The property '{name}' of {_what} is missing.", _node);
    }

    private JsonNode? Take(string property, JsonKind kind, string expected)
    {
        JsonNode? node = Find(property);
        if (node is null)
        {
            _missing.Add(property);
            return null;
        }

        if (node.Kind == kind) return node;
        _log.Add(ManifestErrorId.WrongKind, $"'{property}' is {Describe(node.Kind)}; it must be {expected}.", node);
        return null;
    }

    private EquatableArray<T> Elements<T>(string property, JsonKind kind, string expected, bool optional, Func<JsonNode, T> read) where T : IEquatable<T>
    {
        if (optional && Find(property) is null) return default;
        if (Take(property, JsonKind.Array, "an array of " + expected) is not { } array) return default;
        var elements = new T[array.Items.Count];
        for (int i = 0; i < elements.Length && !_log.IsFull; i++)
        {
            JsonNode item = array.Items[i];
            if (item.Kind == kind) elements[i] = read(item);
            else _log.Add(ManifestErrorId.WrongKind, $"An element of '{property}' is {Describe(item.Kind)}; the array must hold {expected}.", item);
        }

        return new(elements);
    }

    private long Long(JsonNode node, string property, long minimum, long maximum)
    {
        string text = node.Text;
        if (text.IndexOfAny(['.', 'e', 'E']) >= 0)
            _log.Add(ManifestErrorId.Range, $"{text} is not possible as '{property}'; write a whole number, without fraction or exponent.", node);
        else if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) || value < minimum || value > maximum)
            _log.Add(ManifestErrorId.Range, $"{text} is not possible as '{property}'; it must lie between {minimum} and {maximum}.", node);
        else
            return value;
        return minimum;
    }

    private Number Number(JsonNode node, string property, NumberRange range)
    {
        string text = node.Text;
        // TryParse: older frameworks refuse what overflows FP64, newer ones give infinity.
        bool finite = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) & Math.Abs(value) <= float.MaxValue;
        string? problem =
            !finite ? "it must be finite in FP32"
            : range == NumberRange.Positive && (float)value <= 0 ? "it must be greater than zero, in FP32"
            : range == NumberRange.NotNegative && value < 0 ? "it must not be negative"
            : range == NumberRange.NotZero && (float)value == 0 ? "it must not be zero"
            : null;
        if (problem is null) return new(text);
        _log.Add(ManifestErrorId.Range, $"{text} is not possible as '{property}'; {problem}.", node);
        return default;
    }

    private int OneOf(JsonNode node, string property, int[] allowed)
    {
        string text = node.Text;
        foreach (int value in allowed)
            if (text == value.ToString(CultureInfo.InvariantCulture)) return value;
        _log.Add(ManifestErrorId.Choice,
            $"{text} is not possible as '{property}'; choose {Choices(allowed.Select(v => v.ToString(CultureInfo.InvariantCulture)))}.", node);
        return allowed[0];
    }

    private static string? Suggestion(string name, IEnumerable<string> candidates) =>
        Names.Nearest(name, candidates) is { } meant ? $"did you mean '{meant}'?" : null;

    private static string Choices(IEnumerable<string> allowed) => string.Join(" or ", allowed);

    private static string Describe(JsonKind kind) => kind switch
    {
        JsonKind.Null => "null",
        JsonKind.Boolean => "a truth value",
        JsonKind.Number => "a number",
        JsonKind.String => "a string",
        JsonKind.Array => "an array",
        _ => "an object",
    };
}

/// <summary>What a number must satisfy besides being finite in FP32.</summary>
internal enum NumberRange
{
    Any,
    NotZero,
    NotNegative,
    Positive,
}
