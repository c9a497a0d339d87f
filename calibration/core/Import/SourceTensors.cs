namespace Specializer.Calibration;

/// <summary>The tensors of a model file as FP32, each taken once under its current name.</summary>
/// <param name="file">Path of the file, for messages.</param>
/// <param name="shapes">Name in the file and extents.</param>
/// <param name="read">Reads a tensor by its name in the file.</param>
internal sealed class SourceTensors(string file, IReadOnlyDictionary<string, long[]> shapes, Func<string, float[]> read)
{
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);

    /// <summary>All elements of the file.</summary>
    public long Parameters { get; } = shapes.Values.Sum(s => s.Aggregate(1L, (product, extent) => product * extent));

    /// <summary>Takes a tensor of the given extents, row-major.</summary>
    /// <exception cref="ModelImportException">It is missing, has other extents, or holds NaN or infinity.</exception>
    public float[] Take(string name, params ReadOnlySpan<int> expected)
    {
        string stored = StoredName(name);
        if (!shapes.TryGetValue(stored, out long[]? shape))
            throw new ModelImportException(file, name, $"the tensor [{Text(expected)}] is missing. config.json and the weights do not belong together, or the file is incomplete; download both again.");
        if (!Matches(shape, expected))
            throw new ModelImportException(file, stored, $"the tensor has the shape [{string.Join(", ", shape)}]; config.json asks for [{Text(expected)}]. They do not belong together; download both again.");
        _taken.Add(stored);
        float[] values = read(stored);
        int bad = Array.FindIndex(values, v => !float.IsFinite(v));
        return bad < 0 ? values
            : throw new ModelImportException(file, stored, $"element {bad} is {values[bad]}; every weight must be finite. Download or export the model again.");
    }

    /// <exception cref="ModelImportException">A tensor was not taken.</exception>
    public void RejectRest()
    {
        string[] rest = [.. shapes.Keys.Where(k => !_taken.Contains(k)).Order(StringComparer.Ordinal)];
        if (rest.Length > 0)
            throw new ModelImportException(file, rest[0], $"{(rest.Length == 1 ? "the tensor has" : $"this and {rest.Length - 1} more tensors have")} no place in the network that config.json describes. They do not belong together; download both again.");
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

    // A linear layer may be stored as a 1×1 convolution; trailing extents of 1 change nothing.
    private static bool Matches(long[] shape, ReadOnlySpan<int> expected)
    {
        if (shape.Length < expected.Length) return false;
        for (int i = 0; i < shape.Length; i++)
        {
            if (shape[i] != (i < expected.Length ? expected[i] : 1)) return false;
        }

        return true;
    }

    private static string Text(ReadOnlySpan<int> shape) => string.Join(", ", shape.ToArray());
}
