namespace Specializer.Calibration;

/// <summary>A bounded sub-sample of (ε, ε̂) pairs of one step, for what sums cannot tell: the shape of the residual's distribution.</summary>
/// <param name="capacity">Most pairs kept.</param>
/// <param name="images">Images that will be offered.</param>
/// <param name="seed">Seed of the calibration.</param>
internal sealed class ResidualSample(int capacity, long images, ulong seed)
{
    private readonly Draws _draws = new(seed, DrawPurpose.Residuals);
    private readonly List<(float Reference, float Quantized, int Channel)> _pairs = [];

    /// <summary>Bytes that so many pairs take.</summary>
    public static long Bytes(int pairs) => (2L * sizeof(float) + sizeof(int)) * pairs;

    /// <summary>Pairs kept.</summary>
    public int Count => _pairs.Count;

    /// <summary>Keeps this image's share of the sample, from Philox-chosen elements.</summary>
    /// <param name="step">Index of the step.</param>
    /// <param name="image">Index of the image.</param>
    /// <param name="reference">ε, NHWC.</param>
    /// <param name="quantized">ε̂.</param>
    /// <param name="channels">Channels.</param>
    public void Add(int step, long image, ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized, int channels)
    {
        int share = (int)((UInt128)(ulong)(image + 1) * (ulong)capacity / (ulong)images - (UInt128)(ulong)image * (ulong)capacity / (ulong)images);
        for (int i = 0; i < share; i++)
        {
            int element = _draws.Below(reference.Length, (uint)image, (uint)step, (uint)i);
            _pairs.Add((reference[element], quantized[element], element % channels));
        }
    }

    /// <summary>Adds the pairs of the images that follow.</summary>
    public void Merge(ResidualSample following) => _pairs.AddRange(following._pairs);

    /// <summary>The shape of Δ − kε − μ_q.</summary>
    public Normality Test(NoiseFit fit)
    {
        double[] bias = fit.Bias;
        return Normality.Of([.. _pairs.Select(p => (double)p.Quantized - p.Reference - fit.K * p.Reference - bias[p.Channel])]);
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        writer.Write(_pairs.Count);
        foreach (var (reference, quantized, channel) in _pairs)
        {
            writer.Write(reference);
            writer.Write(quantized);
            writer.Write(channel);
        }
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote into an empty sample.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="channels">Channels.</param>
    /// <exception cref="InvalidDataException">It holds what no sample has.</exception>
    public void Read(BinaryReader reader, int channels)
    {
        int count = reader.ReadInt32();
        if (count < 0 || count > capacity) throw new InvalidDataException($"a sample of at most {capacity} pairs does not hold {count}");
        for (; count > 0; count--)
        {
            var (reference, quantized, channel) = (reader.ReadSingle(), reader.ReadSingle(), reader.ReadInt32());
            if (!float.IsFinite(reference) || !float.IsFinite(quantized) || channel < 0 || channel >= channels) throw new InvalidDataException("a pair of a sample is none");
            _pairs.Add((reference, quantized, channel));
        }
    }
}

/// <summary>How normal a sample looks.</summary>
/// <param name="ExcessKurtosis">Fourth standardized moment less 3.</param>
/// <param name="PValue">Jarque-Bera test: exp(−JB/2) with JB = n/6·(S² + K²/4), χ² with two degrees of freedom for independent normal values of skewness S and excess kurtosis K. Pixels of one image are dependent, so a small value overstates the evidence.</param>
internal readonly record struct Normality(double ExcessKurtosis, double PValue)
{
    /// <summary>Tests a sample; a sample without spread counts as normal.</summary>
    public static Normality Of(ReadOnlySpan<double> values)
    {
        int n = values.Length;
        double mean = 0, m2 = 0, m3 = 0, m4 = 0;
        foreach (double v in values) mean += v / n;
        foreach (double v in values)
        {
            double d = v - mean, square = d * d;
            m2 += square / n;
            m3 += square * d / n;
            m4 += square * square / n;
        }

        if (n < 2 || m2 == 0) return new(0, 1);
        double skewness = m3 / Math.Pow(m2, 1.5), excess = m4 / (m2 * m2) - 3;
        double statistic = n / 6.0 * (skewness * skewness + excess * excess / 4);
        return new(excess, Math.Exp(-statistic / 2));
    }
}
