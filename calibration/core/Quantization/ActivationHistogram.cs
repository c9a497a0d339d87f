using System.Numerics;
using System.Runtime.Intrinsics;

namespace Specializer.Calibration;

/// <summary>A streaming histogram of one map at one step. Its range is ±2^e and doubles when a value does not fit, which merges pairs of bins exactly;
/// so the result depends on the values alone, not on their order, batches or threads.</summary>
internal sealed class ActivationHistogram
{
    /// <summary>Number of bins over ±<see cref="Range"/>.</summary>
    public const int Bins = 4096;

    private const int SmallestExponent = -20, LargestExponent = 128;

    // There is one for each step and map: none before the first value, then as narrow as the number of values allows.
    private uint[] _narrow = [];
    private long[]? _wide;
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
    public long[] GetCounts() => _wide is not null ? [.. _wide] : Count == 0 ? new long[Bins] : Array.ConvertAll(_narrow, n => (long)n);

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
        MakeRoom(values.Length);
        if (_wide is null) Tally(_narrow, values);
        else Tally(_wide, values);
    }

    private void Tally<T>(T[] counts, ReadOnlySpan<float> values) where T : INumber<T>
    {
        // Powers of two: v·scale is exact and floor sees the true quotient.
        float scale = (float)(Bins / (2 * Range));
        for (; values.Length >= Vector256<float>.Count; values = values[Vector256<float>.Count..])
        {
            // Eight bins at a time; the counting itself has no lanes.
            Vector256<int> bins = Vector256.ConvertToInt32(Vector256.Floor(Vector256.Create(values) * scale)) + Vector256.Create(Bins / 2);
            for (int lane = 0; lane < Vector256<int>.Count; lane++) counts[bins[lane]]++;
        }

        foreach (float v in values) counts[(int)MathF.Floor(v * scale) + Bins / 2]++;
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
        MakeRoom(other.Count);
        int shift = _exponent - other._exponent;
        for (int b = 0; b < Bins; b++)
        {
            long more = other._wide is null ? other._narrow[b] : other._wide[b];
            int bin = (b - Bins / 2 >> shift) + Bins / 2;
            if (_wide is null) _narrow[bin] += (uint)more;
            else _wide[bin] += more;
        }
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
        if (count > uint.MaxValue) histogram._wide = counts;
        else histogram._narrow = Array.ConvertAll(counts, n => (uint)n);
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

    /// <summary>Counts values that are about to be added. No bin holds more than all.</summary>
    private void MakeRoom(long values)
    {
        if (Count == 0) _narrow = new uint[Bins];
        Count += values;
        if (_wide is not null || Count <= uint.MaxValue) return;
        _wide = GetCounts();
        _narrow = [];
    }

    private void GrowTo(float magnitude)
    {
        while (magnitude >= Range) Double();
    }

    private void Double()
    {
        _exponent++;
        if (_wide is not null) MergePairs(_wide);
        else if (Count > 0) MergePairs(_narrow);
    }

    /// <summary>Bin b of the wider histogram takes the bins 2b − Bins/2 and 2b + 1 − Bins/2 of the narrower one: from the middle outwards, none is written before it has been read.</summary>
    private static void MergePairs<T>(T[] counts) where T : INumber<T>
    {
        const int half = Bins / 2;
        for (int i = 0; i < half; i++)
        {
            bool inside = 2 * i < half;
            counts[half + i] = inside ? counts[half + 2 * i] + counts[half + 2 * i + 1] : T.Zero;
            counts[half - 1 - i] = inside ? counts[half - 1 - 2 * i] + counts[half - 2 - 2 * i] : T.Zero;
        }
    }
}
