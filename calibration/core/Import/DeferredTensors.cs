using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Specializer.Calibration;

/// <summary>FP32 tensors by name that are read, and brought into this project's layout, when they are asked for, and kept by nobody: a model's weights are in memory one tensor at a time.</summary>
internal sealed class DeferredTensors : IReadOnlyDictionary<string, float[]>
{
    private readonly Dictionary<string, Func<float[]>> _tensors = new(StringComparer.Ordinal);
    private readonly HashSet<string> _halves = new(StringComparer.Ordinal);

    /// <param name="name">Not yet used.</param>
    /// <param name="read">Makes the tensor, the same at each call.</param>
    /// <param name="isHalf">Whether all its numbers are FP16's, as where they are those of a file that stores them so, in another order or some of them.</param>
    public void Add(string name, Func<float[]> read, bool isHalf = false)
    {
        _tensors.Add(name, read);
        if (isHalf) _halves.Add(name);
    }

    /// <summary>Whether all numbers of a tensor are known to be FP16's without a look at them.</summary>
    public static bool IsHalf(IReadOnlyDictionary<string, float[]> tensors, string name) => tensors is DeferredTensors deferred && deferred._halves.Contains(name);

    /// <summary>Those of a dictionary, each taken from it when it is asked for.</summary>
    /// <param name="tensors">Where they come from.</param>
    /// <param name="keep">Which, by name; null for all.</param>
    public static DeferredTensors Of(IReadOnlyDictionary<string, float[]> tensors, Func<string, bool>? keep = null)
    {
        var result = new DeferredTensors();
        foreach (string name in tensors.Keys)
            if (keep is null || keep(name)) result.Add(name, () => tensors[name], IsHalf(tensors, name));
        return result;
    }

    public float[] this[string key]
    {
        get
        {
            Garbage.Collect(); // The tensor before, for one.
            return _tensors[key]();
        }
    }

    public IEnumerable<string> Keys => _tensors.Keys;

    public IEnumerable<float[]> Values => _tensors.Values.Select(read => read());

    public int Count => _tensors.Count;

    public bool ContainsKey(string key) => _tensors.ContainsKey(key);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out float[] value)
    {
        bool found = _tensors.TryGetValue(key, out Func<float[]>? read);
        value = read?.Invoke();
        return found;
    }

    public IEnumerator<KeyValuePair<string, float[]>> GetEnumerator() => _tensors.Select(t => KeyValuePair.Create(t.Key, t.Value())).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
