using System.Runtime.Intrinsics;

namespace Specializer.Calibration;

/// <summary>A streaming histogram of one map at one step. Its range is ±2^e and doubles when a value does not fit, which merges pairs of bins exactly;
/// so the result depends on the values alone, not on their order, batches or threads.</summary>
internal sealed class ActivationHistogram
{
    /// <summary>Number of bins over ±<see cref="Range"/>.</summary>
    public const int Bins = 4096;

    /// <summary>Bytes of its state in a file, of up to 2^28 values a bin.</summary>
    public const int FileBytes = Bins * sizeof(uint);

    private const int SmallestExponent = -20, LargestExponent = 128;

    private readonly BinCounts _counts = new();
    private int _exponent = SmallestExponent;

    /// <summary>Values added.</summary>
    public long Count { get; private set; }

    /// <summary>Smallest value; 0 when there is none.</summary>
    public float Minimum { get; private set; }

    /// <summary>Largest value; 0 when there is none.</summary>
    public float Maximum { get; private set; }

    /// <summary>Half the width of the histogram, a power of two larger than any value.</summary>
    public double Range => Math.ScaleB(1, _exponent);

    /// <summary>Values per bin; bin b covers Range·[2b/Bins − 1, 2(b + 1)/Bins − 1).</summary>
    public long[] GetCounts() => [.. Enumerable.Range(0, Bins).Select(b => _counts[b])];

    /// <summary>Adds values.</summary>
    /// <param name="values">Finite.</param>
    /// <param name="map">What they are, for the message.</param>
    /// <exception cref="ArithmeticException">A value is not finite.</exception>
    public void Add(ReadOnlySpan<float> values, string map)
    {
        if (values.IsEmpty) return;
        float minimum = float.PositiveInfinity, maximum = float.NegativeInfinity;
        foreach (float v in values)
        {
            if (!float.IsFinite(v)) throw NotFinite(map, v);
            minimum = Math.Min(minimum, v);
            maximum = Math.Max(maximum, v);
        }

        GrowTo(Math.Max(Math.Abs(minimum), Math.Abs(maximum)));
        Minimum = Count == 0 ? minimum : Math.Min(Minimum, minimum);
        Maximum = Count == 0 ? maximum : Math.Max(Maximum, maximum);
        Count += values.Length;
        // Powers of two: v·scale is exact and floor sees the true quotient.
        float scale = (float)(Bins / (2 * Range));
        // Counted in 32 bits, which processors forward from one count of a bin to the next, and added where they belong.
        Span<uint> counts = stackalloc uint[Bins];
        int first = Bin(minimum, scale), last = Bin(maximum, scale);
        for (; values.Length >= Vector256<float>.Count; values = values[Vector256<float>.Count..])
        {
            // Eight bins at a time; the counting itself has no lanes.
            Vector256<int> bins = Vector256.ConvertToInt32(Vector256.Floor(Vector256.Create(values) * scale)) + Vector256.Create(Bins / 2);
            for (int lane = 0; lane < Vector256<int>.Count; lane++) counts[bins[lane]]++;
        }

        foreach (float v in values) counts[Bin(v, scale)]++;
        for (int b = first; b <= last; b++) _counts.Add(b, counts[b]);

        static int Bin(float value, float scale) => (int)MathF.Floor(value * scale) + Bins / 2;
    }

    /// <summary>The largest magnitude of a map's values, all of which must be finite.</summary>
    /// <param name="map">What it holds.</param>
    /// <param name="name">What it is, for the message.</param>
    /// <exception cref="ArithmeticException">A value is not finite.</exception>
    public static float Largest(Memory<float> map, string name)
    {
        ReadOnlySpan<float> values = map.Span;
        Vector256<float> magnitudes = default;
        // NaN stays in a maximum.
        for (; values.Length >= Vector256<float>.Count; values = values[Vector256<float>.Count..]) magnitudes = Vector256.Max(magnitudes, Vector256.Abs(Vector256.Create(values)));
        float largest = 0;
        for (int lane = 0; lane < Vector256<float>.Count; lane++) largest = Math.Max(largest, magnitudes[lane]);
        foreach (float v in values) largest = Math.Max(largest, Math.Abs(v));
        if (float.IsFinite(largest)) return largest;
        foreach (float v in map.Span)
        {
            if (!float.IsFinite(v)) throw NotFinite(name, v);
        }

        return largest;
    }

    private static ArithmeticException NotFinite(string map, float value) =>
        new($"The activation '{map}' holds a value that is not finite ({value}). The model diverges on its own trajectories: check the weights and the scheduler's configuration.");

    /// <summary>Adds what another histogram counted.</summary>
    public void Merge(ActivationHistogram other)
    {
        if (other.Count == 0) return;
        while (_exponent < other._exponent) Double();
        Minimum = Count == 0 ? other.Minimum : Math.Min(Minimum, other.Minimum);
        Maximum = Count == 0 ? other.Maximum : Math.Max(Maximum, other.Maximum);
        Count += other.Count;
        int shift = _exponent - other._exponent;
        for (int b = 0; b < Bins; b++) _counts.Add((b - Bins / 2 >> shift) + Bins / 2, other._counts[b]);
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        writer.Write(_exponent);
        writer.Write(Count);
        writer.Write(Minimum);
        writer.Write(Maximum);
        if (Count == 0) return;
        // Most bins hold little: a byte or two each.
        foreach (long count in GetCounts()) writer.Write7BitEncodedInt64(count);
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="count">Values that were counted.</param>
    /// <exception cref="InvalidDataException">It holds what no histogram of so many values has.</exception>
    public static ActivationHistogram Read(BinaryReader reader, long count)
    {
        var histogram = new ActivationHistogram
        {
            _exponent = reader.ReadInt32(),
            Count = reader.ReadInt64(),
            Minimum = reader.ReadSingle(),
            Maximum = reader.ReadSingle(),
        };
        if (histogram.Count == 0 && count == 0) return new();
        long[] counts = ReadCounts(reader);
        bool sound = histogram._exponent is >= SmallestExponent and <= LargestExponent && histogram.Count == count
            && histogram.Minimum <= histogram.Maximum && -histogram.Range < histogram.Minimum && histogram.Maximum < histogram.Range
            && Array.TrueForAll(counts, n => n >= 0 && n <= count) && counts.Sum() == count;
        if (!sound) throw new InvalidDataException($"a histogram is not one of {count} finite values");
        for (int b = 0; b < Bins; b++) histogram._counts.Add(b, counts[b]);
        return histogram;
    }

    private static long[] ReadCounts(BinaryReader reader)
    {
        var counts = new long[Bins];
        try
        {
            for (int b = 0; b < Bins; b++) counts[b] = reader.Read7BitEncodedInt64();
            return counts;
        }
        catch (FormatException e)
        {
            throw new InvalidDataException("a histogram's counts are no numbers", e);
        }
    }

    private void GrowTo(float magnitude)
    {
        while (magnitude >= Range) Double();
    }

    private void Double()
    {
        _exponent++;
        if (Count > 0) _counts.MergePairs();
    }
}
