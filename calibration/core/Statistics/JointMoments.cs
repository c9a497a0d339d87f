using System.Runtime.InteropServices;

namespace Specializer.Calibration;

/// <summary>Per-channel means and centred co-moments of a few variables that share their pixels, streaming: (ε, Δ), or (ε_u, ε_c, Δ_u, Δ_c) under guidance.</summary>
/// <remarks>An image's sums are taken in two passes (mean, then centred products) and merged by Chan's formula, so that no large numbers cancel; images must be merged in a
/// fixed order for equal bits. Centring is per channel; pooling over channels happens only in <see cref="Covariance"/>, because pooling uncentred
/// values mixes the channel bias into k.</remarks>
internal sealed class JointMoments
{
    private readonly double[] _means;   // [channel, variable]
    private readonly double[] _products; // [channel, variable, variable]

    /// <param name="channels">Channels of the output.</param>
    /// <param name="variables">2 or 4.</param>
    public JointMoments(int channels, int variables)
    {
        if (variables is not (2 or 4)) throw new ArgumentOutOfRangeException(nameof(variables), variables, "Moments are kept of (ε, Δ) or of both halves of a guided pair.");
        Channels = channels;
        Variables = variables;
        _means = new double[channels * variables];
        _products = new double[channels * variables * variables];
    }

    /// <summary>Bytes that they take: an object with two arrays.</summary>
    /// <param name="channels">Channels of the output.</param>
    /// <param name="variables">2 or 4.</param>
    public static long Bytes(int channels, int variables) => 96 + (long)sizeof(double) * channels * variables * (1 + variables);

    /// <summary>Channels of the output.</summary>
    public int Channels { get; }

    /// <summary>2 or 4.</summary>
    public int Variables { get; }

    /// <summary>Values per channel and variable.</summary>
    public long Count { get; private set; }

    /// <summary>Mean of a variable in a channel.</summary>
    public double Mean(int channel, int variable) => _means[channel * Variables + variable];

    /// <summary>Covariance of two variables, centred per channel, pooled over channels.</summary>
    public double Covariance(int a, int b)
    {
        double sum = 0;
        for (int c = 0; c < Channels; c++) sum += _products[(c * Variables + a) * Variables + b];
        return Count == 0 ? 0 : sum / ((double)Count * Channels);
    }

    /// <summary>The moments of one image of ε and Δ = ε̂ − ε.</summary>
    /// <param name="reference">ε, NHWC.</param>
    /// <param name="quantized">ε̂, NHWC.</param>
    /// <param name="channels">Channels.</param>
    public static JointMoments Of(ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized, int channels) =>
        Of(reference, default, quantized, default, channels);

    /// <summary>The moments of one image of (ε_u, ε_c, Δ_u, Δ_c).</summary>
    /// <param name="unconditional">ε_u, NHWC.</param>
    /// <param name="conditional">ε_c, NHWC; empty without guidance, and then the variables are (ε, Δ).</param>
    /// <param name="quantizedUnconditional">ε̂_u.</param>
    /// <param name="quantizedConditional">ε̂_c.</param>
    /// <param name="channels">Channels.</param>
    public static JointMoments Of(ReadOnlySpan<float> unconditional, ReadOnlySpan<float> conditional,
        ReadOnlySpan<float> quantizedUnconditional, ReadOnlySpan<float> quantizedConditional, int channels)
    {
        int variables = conditional.IsEmpty ? 2 : 4, half = variables / 2;
        var moments = new JointMoments(channels, variables) { Count = unconditional.Length / channels };
        Span<double> value = stackalloc double[variables];
        for (int pass = 0; pass < 2; pass++)
        {
            for (int i = 0; i < unconditional.Length; i++)
            {
                int channel = i % channels;
                value[0] = unconditional[i];
                value[half] = (double)quantizedUnconditional[i] - unconditional[i];
                if (variables == 4) (value[1], value[3]) = (conditional[i], (double)quantizedConditional[i] - conditional[i]);
                if (pass == 0) moments.AddToMeans(channel, value);
                else moments.AddProducts(channel, value);
            }

            if (pass == 0)
            {
                for (int m = 0; m < moments._means.Length; m++) moments._means[m] /= moments.Count;
            }
        }

        return moments;
    }

    /// <summary>Adds the moments of other values (Chan, Golub and LeVeque 1979).</summary>
    public void Merge(JointMoments other)
    {
        if (other.Channels != Channels || other.Variables != Variables) throw new ArgumentException("Only moments of the same channels and variables can be merged.", nameof(other));
        if (other.Count == 0) return;
        double total = Count + other.Count, share = other.Count / total, weight = Count * share;
        Span<double> delta = stackalloc double[Variables];
        for (int c = 0; c < Channels; c++)
        {
            for (int v = 0; v < Variables; v++) delta[v] = other._means[c * Variables + v] - _means[c * Variables + v];
            for (int a = 0; a < Variables; a++)
            {
                for (int b = 0; b < Variables; b++)
                {
                    int at = (c * Variables + a) * Variables + b;
                    _products[at] += other._products[at] + delta[a] * delta[b] * weight;
                }
            }

            for (int v = 0; v < Variables; v++) _means[c * Variables + v] += delta[v] * share;
        }

        Count += other.Count;
    }

    /// <summary>The moments of the values of both; changes neither.</summary>
    public static JointMoments Sum(JointMoments left, JointMoments right)
    {
        var sum = new JointMoments(left.Channels, left.Variables);
        sum.Merge(left);
        sum.Merge(right);
        return sum;
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        writer.Write(Count);
        writer.Write(MemoryMarshal.AsBytes(_means.AsSpan()));
        writer.Write(MemoryMarshal.AsBytes(_products.AsSpan()));
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="channels">Channels of the output.</param>
    /// <param name="variables">2 or 4.</param>
    /// <param name="count">Values per channel and variable that were added.</param>
    /// <exception cref="InvalidDataException">It holds what no moments of so many values have.</exception>
    public static JointMoments Read(BinaryReader reader, int channels, int variables, long count)
    {
        var moments = new JointMoments(channels, variables) { Count = reader.ReadInt64() };
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(moments._means.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(moments._products.AsSpan()));
        if (moments.Count != count) throw new InvalidDataException($"moments of {count} values are expected, not of {moments.Count}");
        if (!Array.TrueForAll(moments._means, double.IsFinite) || !Array.TrueForAll(moments._products, double.IsFinite)) throw new InvalidDataException("moments are not finite");
        return moments;
    }

    private void AddToMeans(int channel, ReadOnlySpan<double> value)
    {
        for (int v = 0; v < Variables; v++) _means[channel * Variables + v] += value[v];
    }

    private void AddProducts(int channel, Span<double> value)
    {
        for (int v = 0; v < Variables; v++) value[v] -= _means[channel * Variables + v];
        for (int a = 0; a < Variables; a++)
        {
            for (int b = 0; b < Variables; b++) _products[(channel * Variables + a) * Variables + b] += value[a] * value[b];
        }
    }
}
