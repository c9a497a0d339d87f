namespace Specializer.Calibration;

/// <summary>Values per bin of a histogram. Nothing is held before the first; then 16 bits a bin, and 16 more for all of them each time that one outgrows what there is.</summary>
internal sealed class BinCounts
{
    private const int DigitBits = 16, Bins = ActivationHistogram.Bins;

    // Of all values the fullest bin is taken to have this part: less in most maps, seldom more (docs/large-models.md).
    private const int FullestShare = 16;

    // Of each bin's count to the base 2^16, the lowest first.
    private ushort[][] _digits = [];

    /// <summary>Bytes for so many values, if no bin has more than a sixteenth of them.</summary>
    public static long Bytes(long values)
    {
        long digits = 1;
        for (long most = values / FullestShare >> DigitBits; most > 0; most >>= DigitBits) digits++;
        return digits * Bins * sizeof(ushort);
    }

    /// <summary>Values in a bin.</summary>
    public long this[int bin]
    {
        get
        {
            long count = 0;
            for (int d = _digits.Length - 1; d >= 0; d--) count = count << DigitBits | _digits[d][bin];
            return count;
        }
        private set
        {
            foreach (ushort[] digits in _digits) digits[bin] = 0;
            Add(bin, value);
        }
    }

    /// <summary>Counts values in a bin.</summary>
    /// <param name="bin">The bin.</param>
    /// <param name="count">How many.</param>
    public void Add(int bin, long count)
    {
        for (int digit = 0; count > 0; count >>= DigitBits)
        {
            ushort[] digits = Digits(digit++);
            count += digits[bin];
            digits[bin] = (ushort)count;
        }
    }

    /// <summary>Makes bins twice as wide: bin b takes the bins 2b − Bins/2 and 2b + 1 − Bins/2. From the middle outwards, none is written before it has been read.</summary>
    public void MergePairs()
    {
        const int half = Bins / 2;
        for (int i = 0; i < half; i++)
        {
            bool inside = 2 * i < half;
            this[half + i] = inside ? this[half + 2 * i] + this[half + 2 * i + 1] : 0;
            this[half - 1 - i] = inside ? this[half - 1 - 2 * i] + this[half - 2 - 2 * i] : 0;
        }
    }

    private ushort[] Digits(int digit)
    {
        if (digit == _digits.Length) _digits = [.. _digits, new ushort[Bins]];
        return _digits[digit];
    }
}
