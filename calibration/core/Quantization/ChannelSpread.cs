using System.Runtime.Intrinsics;

namespace Specializer.Calibration;

/// <summary>Where the channels of a map lie over the first unit of trajectories: it tells channels that never change, and such as are so large that the others vanish beside them.</summary>
/// <param name="channels">Of a pixel.</param>
internal sealed class ChannelSpread(int channels)
{
    // Ends of a channel's values, 0 among them.
    private readonly float[] _minima = new float[channels], _maxima = new float[channels], _first = new float[channels];
    // Of what values differ from the channel's first one: a channel that never changes has 0, whatever it holds.
    private readonly double[] _sums = new double[channels], _squares = new double[channels];
    private long _pixels;

    /// <summary>Bytes that a state takes.</summary>
    /// <param name="channels">Of a pixel.</param>
    public static long Bytes(int channels) => sizeof(long) + channels * (3L * sizeof(float) + 2 * sizeof(double));

    /// <summary>Largest magnitude of all channels.</summary>
    public float Largest => Math.Max(_maxima.Max(), -_minima.Min());

    /// <summary>Largest less smallest value of some channels, 0 among them.</summary>
    public double Width(Range channels) => (double)_maxima[channels].Max() - _minima[channels].Min();

    /// <summary>Whether a channel has held one value only.</summary>
    public bool IsConstant(int channel) => _squares[channel] == 0;

    /// <summary>Variance of a channel.</summary>
    public double Variance(int channel) => _pixels == 0 ? 0 : Math.Max(0, _squares[channel] / _pixels - Math.Pow(_sums[channel] / _pixels, 2));

    /// <summary>Mean square of a channel.</summary>
    public double Power(int channel) => _pixels == 0 ? 0 : Variance(channel) + Math.Pow(_first[channel] + _sums[channel] / _pixels, 2);

    /// <summary>Adds pixels, in an order that does not depend on how many come at once.</summary>
    /// <param name="values">Finite.</param>
    public void Add(ReadOnlySpan<float> values)
    {
        if (_pixels == 0 && !values.IsEmpty) values[..channels].CopyTo(_first);
        for (; !values.IsEmpty; values = values[channels..], _pixels++)
        {
            int c = 0;
            for (; c <= channels - Vector256<float>.Count; c += Vector256<float>.Count) AddLanes(values, c);
            for (; c < channels; c++)
            {
                (_minima[c], _maxima[c]) = (Math.Min(_minima[c], values[c]), Math.Max(_maxima[c], values[c]));
                double difference = (double)values[c] - _first[c];
                _sums[c] += difference;
                _squares[c] += difference * difference;
            }
        }
    }

    /// <summary>Adds what another spread of the same channels has seen.</summary>
    public void Merge(ChannelSpread other)
    {
        for (int c = 0; c < channels; c++)
        {
            (_minima[c], _maxima[c]) = (Math.Min(_minima[c], other._minima[c]), Math.Max(_maxima[c], other._maxima[c]));
            double shift = (double)other._first[c] - _first[c];
            _squares[c] += other._squares[c] + shift * (2 * other._sums[c] + other._pixels * shift);
            _sums[c] += other._sums[c] + other._pixels * shift;
        }

        _pixels += other._pixels;
    }

    private void AddLanes(ReadOnlySpan<float> pixel, int channel)
    {
        Span<float> minima = _minima.AsSpan(channel), maxima = _maxima.AsSpan(channel);
        Vector256<float> x = Vector256.Create(pixel[channel..]);
        Vector256.Min(Vector256.Create<float>(minima), x).CopyTo(minima);
        Vector256.Max(Vector256.Create<float>(maxima), x).CopyTo(maxima);
        (Vector256<double> low, Vector256<double> high) = Vector256.Widen(x);
        (Vector256<double> lowFirst, Vector256<double> highFirst) = Vector256.Widen(Vector256.Create(_first, channel));
        AddDifferences(channel, low - lowFirst);
        AddDifferences(channel + Vector256<double>.Count, high - highFirst);
    }

    private void AddDifferences(int channel, Vector256<double> differences)
    {
        (Vector256.Create(_sums, channel) + differences).CopyTo(_sums, channel);
        (Vector256.Create(_squares, channel) + differences * differences).CopyTo(_squares, channel);
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        writer.Write(_pixels);
        for (int c = 0; c < channels; c++)
        {
            writer.Write(_minima[c]);
            writer.Write(_maxima[c]);
            writer.Write(_first[c]);
            writer.Write(_sums[c]);
            writer.Write(_squares[c]);
        }
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="channels">Of a pixel.</param>
    /// <param name="pixels">Pixels that were added.</param>
    /// <exception cref="InvalidDataException">It holds what no channels of so many pixels have.</exception>
    public static ChannelSpread Read(BinaryReader reader, int channels, long pixels)
    {
        var spread = new ChannelSpread(channels) { _pixels = reader.ReadInt64() };
        bool sound = spread._pixels == pixels;
        for (int c = 0; c < channels; c++)
        {
            float minimum = spread._minima[c] = reader.ReadSingle(), maximum = spread._maxima[c] = reader.ReadSingle(), first = spread._first[c] = reader.ReadSingle();
            double sum = spread._sums[c] = reader.ReadDouble(), squares = spread._squares[c] = reader.ReadDouble();
            sound &= minimum <= 0 && maximum >= 0 && float.IsFinite(minimum) && float.IsFinite(maximum) && first >= minimum && first <= maximum && double.IsFinite(sum) && squares >= 0 && double.IsFinite(squares);
        }

        return sound ? spread : throw new InvalidDataException($"what is kept of a map's channels are no sums of {pixels} finite values");
    }
}
