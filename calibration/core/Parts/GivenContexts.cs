using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What a network reads besides its state where callers give it: a text's hidden states, a label that is a vector, and the like. One row for each context, and what guidance leads away from.</summary>
public sealed class GivenContexts
{
    /// <summary>What names of tensors begin with that hold what guidance leads away from.</summary>
    public const string Negative = "negative_";

    private readonly string _file;
    private readonly SortedDictionary<string, Rows> _rows = new(StringComparer.Ordinal), _negative = new(StringComparer.Ordinal);

    private GivenContexts(SafetensorsFile file)
    {
        _file = file.Path;
        foreach (string name in file.Entries.Keys.Order(StringComparer.Ordinal))
        {
            if (name.StartsWith(Negative, StringComparison.Ordinal)) _negative.Add(name[Negative.Length..], Read(file, name));
            else _rows.Add(name, Read(file, name));
        }

        if (_rows.Count == 0) throw new SafetensorsException(_file, null, $"holds no contexts. Name tensors as the network names its inputs, such as {UNetImporter.Context} [contexts, tokens, channels]");
        Count = _rows.First().Value.Count;
        foreach (var (name, rows) in _rows)
            if (rows.Count != Count) throw new SafetensorsException(_file, name, $"has {rows.Count} rows, and {_rows.First().Key} has {Count}. Each context has a row in every tensor");
        foreach (var (name, rows) in _negative)
        {
            if (!_rows.ContainsKey(name)) throw new SafetensorsException(_file, Negative + name, $"is what guidance leads away from, and there is no {name}");
            if (rows.Count != 1 && rows.Count != Count) throw new SafetensorsException(_file, Negative + name, $"has {rows.Count} rows; 1 for all contexts, or one for each of {Count}, is expected");
        }

        if (_negative.Count > 0 && _rows.Keys.FirstOrDefault(name => !_negative.ContainsKey(name)) is { } missing)
            throw new SafetensorsException(_file, Negative + missing, "is missing: guidance leads away from something in every tensor. Where that is the context's own, write its rows again");
    }

    /// <summary>Number of contexts.</summary>
    public int Count { get; }

    /// <summary>Tokens of a context, which <see cref="PipelineImporter.Load"/> takes; null where there are no hidden states.</summary>
    public int? Tokens => _rows.TryGetValue(UNetImporter.Context, out Rows? rows) && rows.Shape is [_, var tokens, _] ? (int)tokens : null;

    /// <summary>Whether there is what guidance leads away from.</summary>
    public bool HasNegative => _negative.Count > 0;

    /// <summary>All contexts, one after the other, by the input's name: what <see cref="SampleOptions.Inputs"/> takes for as many images.</summary>
    public IReadOnlyDictionary<string, float[]> Inputs => InputsOf([.. Enumerable.Range(0, Count)]);

    /// <summary>What guidance leads away from, for each of <see cref="Inputs"/>; empty where there is no such thing.</summary>
    public IReadOnlyDictionary<string, float[]> NegativeInputs => NegativeInputsOf([.. Enumerable.Range(0, Count)]);

    /// <summary>Reads contexts.</summary>
    /// <param name="file">Safetensors of F32, F16, BF16, F64 or, for what the network looks up, integers. Tensors are called as the network's inputs and have a row for each context, first: <c>encoder_hidden_states</c> [contexts, tokens, channels],
    /// <c>class_vector</c> [contexts, numbers]. With <see cref="Negative"/> before the name they hold what guidance leads away from: one row, or one for each context.</param>
    /// <exception cref="SafetensorsException">The file is malformed or holds no contexts, a number is not finite, or tensors do not fit each other.</exception>
    /// <exception cref="IOException">It is missing or unreadable.</exception>
    public static GivenContexts Read(string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        using SafetensorsFile opened = SafetensorsFile.Open(file);
        return new(opened);
    }

    /// <summary>What neither prompts nor labels nor pictures become.</summary>
    internal static Map[] Needed(ImportedModel model) => model.Text is not null || model.Labels is not null ? [] : Needed(model.Network, model.Network.Inputs);

    /// <inheritdoc cref="Needed(ImportedModel)"/>
    internal static Map[] Needed(CalibrationManifest manifest) => manifest.Encoders.Count > 0 ? [] : Needed(manifest.Network, manifest.Network.Inputs.Where(i => i != manifest.Prompt?.Input && i != LinkedNetwork.Label));

    /// <summary>What a network reads besides that which its pipeline makes of prompts or labels, such as a label that is a vector: contexts have to hold all that it reads then. Null where there is no such input.</summary>
    internal static string? Beyond(ImportedModel model) => model.Text is null && model.Labels is null ? null
        : model.Network.Inputs.FirstOrDefault(i => i is not (UNetImporter.Context or LinkedNetwork.Mask or LinkedNetwork.MaskedImage) && model.Text?.Outputs.Contains(i) != true);

    /// <summary>An input and its extents.</summary>
    internal static string Describe(Map map) => $"{map.Name} [{string.Join(", ", Extents(map))}]";

    /// <summary>What a network would have to be given, for a message; null for one that reads its state alone, or whose other inputs are made from prompts, labels or pictures.</summary>
    internal static string? Expected(ImportedModel model)
    {
        // The number of tokens is that of what is given.
        string[] inputs = [.. Needed(model).Select(map => map.Name == UNetImporter.Context ? $"{map.Name} [contexts, tokens, {map.Channels}]" : $"{map.Name} {Expected(map)}")];
        return inputs.Length == 0 ? null : $"{string.Join(", ", inputs)}, and for guidance the same with '{Negative}' before the name and 1 row";
    }

    /// <exception cref="ArgumentException">A tensor is missing, is none that the network reads, or has other extents or numbers than it reads.</exception>
    internal void Check(ImportedModel model)
    {
        Map[] needed = Needed(model);
        if (model.Text is not null || model.Labels is not null)
            throw new ArgumentException($"{_file}: {model.Name} was read with what makes its contexts. Import it for given ones ({nameof(PipelineImporter)}.{nameof(PipelineImporter.Load)} with their number of tokens), or leave them out.");
        if (needed.Length == 0) throw new ArgumentException($"{_file}: {model.Name} reads nothing besides its state. Leave the contexts out.");
        if (_rows.Keys.FirstOrDefault(name => needed.All(map => map.Name != name)) is { } other)
            throw new ArgumentException($"{_file}: {model.Name} does not read '{other}'. It reads {Expected(model)}.");
        LinkedNetwork linked = LinkedNetwork.Of(model.Network);
        foreach (Map map in needed)
        {
            if (!_rows.TryGetValue(map.Name, out Rows? rows)) throw new ArgumentException($"{_file}: '{map.Name}' is missing. {model.Name} reads {Expected(model)}.");
            Compare(map.Name, rows);
            if (_negative.TryGetValue(map.Name, out Rows? negative)) Compare(Negative + map.Name, negative);

            void Compare(string name, Rows given)
            {
                if (!given.Shape.Skip(1).Where(e => e != 1).SequenceEqual(Extents(map).Where(e => e != 1).Select(e => (long)e)))
                    throw new ArgumentException($"{_file}: '{name}' has the shape [{string.Join(", ", given.Shape)}]; {model.Name}, as it was imported, reads {Expected(map)}.");
                int table = linked.Rows(map.Name);
                if (table > 0 && Array.FindIndex(given.Values, v => !(v >= 0 && v < table && v == MathF.Floor(v))) is >= 0 and var wrong)
                    throw new ArgumentException($"{_file}: '{name}' holds {given.Values[wrong]}; whole numbers from 0 to {table - 1} are expected.");
            }
        }
    }

    /// <summary>As conditions by number; those that guidance leads away from stand last.</summary>
    /// <param name="model">That they were checked for.</param>
    internal PromptContexts Of(ImportedModel model)
    {
        Map[] maps = Needed(model);
        int none = _negative.Count == 0 ? 0 : _negative.Values.Max(rows => rows.Count);
        return new(
            [.. maps.Select(map => (map.Name, Extents(map).Aggregate((a, b) => a * b)))],
            [.. Enumerable.Range(0, Count).Select(i => Row(_rows, i)), .. Enumerable.Range(0, none).Select(i => Row(_negative, i))],
            [.. Enumerable.Range(0, Count + none)], none == 0 ? -1 : new NoCondition(Count, none));

        float[] Row(SortedDictionary<string, Rows> of, int i) => [.. maps.SelectMany(map => of[map.Name].Row(i).ToArray())];
    }

    /// <summary>Some contexts, one after the other, by the input's name.</summary>
    internal Dictionary<string, float[]> InputsOf(int[] contexts) => Of(_rows, contexts);

    /// <summary>What guidance leads away from, for these.</summary>
    internal Dictionary<string, float[]> NegativeInputsOf(int[] contexts) => Of(_negative, contexts);

    /// <summary>Hash of all numbers, names and extents.</summary>
    internal string Sha256
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var (name, rows) in _rows.Concat(_negative.Select(p => KeyValuePair.Create(Negative + p.Key, p.Value))))
            {
                hash.AppendData(System.Text.Encoding.UTF8.GetBytes($"{name} {string.Join(',', rows.Shape)}\n"));
                hash.AppendData(MemoryMarshal.AsBytes(rows.Values.AsSpan()));
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    private static Dictionary<string, float[]> Of(SortedDictionary<string, Rows> of, int[] contexts) =>
        of.ToDictionary(p => p.Key, p => (float[])[.. contexts.SelectMany(i => p.Value.Row(i).ToArray())], StringComparer.Ordinal);

    private static Rows Read(SafetensorsFile file, string name)
    {
        SafetensorsEntry entry = file.Entries[name];
        if (entry.Shape.Length == 0 || entry.Elements == 0) throw new SafetensorsException(file.Path, name, $"has the shape [{string.Join(", ", entry.Shape)}]; a row for each context is expected, first");
        float[] values = entry.Type is DType.F32 or DType.F16 or DType.BF16 or DType.F64 ? file.ReadFloats(name) : Array.ConvertAll(file.ReadIntegers(name), v => (float)v);
        return values.All(float.IsFinite) ? new(entry.Shape, values) : throw new SafetensorsException(file.Path, name, "holds NaN or infinity");
    }

    private static Map[] Needed(Network network, IEnumerable<string> inputs) =>
        [.. inputs.Where(i => i is not (LinkedNetwork.Mask or LinkedNetwork.MaskedImage)).Select(i => network.Maps.Single(m => m.Name == i))];

    // Tokens and channels, or channels alone.
    private static int[] Extents(Map map) => map.Name == UNetImporter.Context ? [map.Width, map.Channels] : [map.Channels];

    private static string Expected(Map map) => $"[contexts, {string.Join(", ", Extents(map))}]";

    private sealed record Rows(long[] Shape, float[] Values)
    {
        public int Count => (int)Shape[0];

        /// <param name="index">Any number: rows repeat.</param>
        public ReadOnlySpan<float> Row(int index) => Values.AsSpan(index % Count * (Values.Length / Count), Values.Length / Count);
    }
}
