namespace Specializer.Calibration;

/// <summary>The tensors of a model file, each asked for under its current name. What is missing, of other extents or left over is collected and named at once by <see cref="Check"/>; nothing is read before.</summary>
/// <param name="file">Path of the file, for messages.</param>
/// <param name="shapes">Name in the file and extents.</param>
/// <param name="read">Reads a tensor by its name in the file.</param>
/// <param name="otherType">The type of a tensor in the file, where no weight can have it; else null. Null where all are weights.</param>
/// <param name="isHalf">Whether a tensor in the file is stored in FP16, and is read as it is. Null where none is.</param>
internal sealed class SourceTensors(string file, IReadOnlyDictionary<string, long[]> shapes, Func<string, float[]> read, Func<string, string?>? otherType = null, Func<string, bool>? isHalf = null)
{
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);
    private readonly List<TensorMismatch> _mismatches = [];
    private readonly Dictionary<string, int[]> _asked = new(StringComparer.Ordinal);

    /// <summary>No file: for finding out what a network asks for.</summary>
    public static SourceTensors None() => new("", new Dictionary<string, long[]>(), name => throw new InvalidOperationException($"There is no tensor '{name}' to read."));

    /// <summary>All elements of the file.</summary>
    public long Parameters { get; } = shapes.Values.Sum(s => s.Aggregate(1L, (product, extent) => product * extent));

    /// <summary>Names in the file of the tensors that were asked for.</summary>
    public IReadOnlyCollection<string> Taken => _taken;

    /// <summary>Every tensor that was asked for, with its extents: what a whole file of weights holds.</summary>
    public IReadOnlyDictionary<string, int[]> Asked => _asked;

    /// <summary>Asks for a tensor of the given extents, row-major.</summary>
    /// <returns>Reads it; meant to be called after <see cref="Check"/>.</returns>
    public Func<float[]> Take(string name, params ReadOnlySpan<int> expected)
    {
        string stored = StoredName(name);
        // Two may ask for one tensor.
        if (!_asked.TryAdd(name, [.. expected])) return () => read(stored);
        if (!shapes.TryGetValue(stored, out long[]? shape)) _mismatches.Add(new(name, [.. expected], null));
        else if (otherType?.Invoke(stored) is var type && (type is not null || !Matches(shape, expected))) _mismatches.Add(new(stored, [.. expected], shape) { Type = type });
        _taken.Add(stored);
        return () => read(stored);
    }

    /// <summary>Whether all of these tensors are stored in FP16.</summary>
    public bool AreHalf(params IEnumerable<string> names) => isHalf is not null && names.All(name => StoredName(name) is var stored && shapes.ContainsKey(stored) && isHalf(stored));

    /// <param name="partly">Whether the file may hold tensors that nobody asked for, as where only a decoder is taken.</param>
    /// <exception cref="TensorMismatchException">Tensors are missing, have other extents than asked for, or were not asked for; all are named.</exception>
    public void Check(bool partly = false)
    {
        string[] rest = partly ? [] : [.. shapes.Keys.Where(k => !_taken.Contains(k)).Order(StringComparer.Ordinal)];
        if (_mismatches.Count > 0 || rest.Length > 0)
            throw new TensorMismatchException(file, [.. _mismatches, .. rest.Select(r => new TensorMismatch(r, null, shapes[r]))]);
    }

    // Attention blocks saved before diffusers 0.17 name their projections differently; the arithmetic is the same.
    private string StoredName(string name)
    {
        if (shapes.ContainsKey(name)) return name;
        ReadOnlySpan<(string New, string Old)> renamed = [(".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn.")];
        foreach (var (current, old) in renamed)
        {
            if (name.Contains(".attentions.", StringComparison.Ordinal) && name.Contains(current, StringComparison.Ordinal))
            {
                string candidate = name.Replace(current, old, StringComparison.Ordinal);
                if (shapes.ContainsKey(candidate)) return candidate;
            }
        }

        return name;
    }

    // A linear layer may be stored as a 1×1 convolution, and the other way round; trailing extents of 1 change nothing.
    private static bool Matches(long[] shape, ReadOnlySpan<int> expected)
    {
        for (int i = 0; i < Math.Max(shape.Length, expected.Length); i++)
        {
            if ((i < shape.Length ? shape[i] : 1) != (i < expected.Length ? expected[i] : 1)) return false;
        }

        return true;
    }
}
