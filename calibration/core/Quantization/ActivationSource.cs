using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What one quantization represents: an FP32 map, or some of its channels.</summary>
/// <param name="Map">Name of the map.</param>
/// <param name="Channels">Which channels.</param>
internal readonly record struct ActivationSource(string Map, Range Channels)
{
    /// <summary>A whole map.</summary>
    public ActivationSource(string map)
        : this(map, Range.All)
    {
    }

    /// <summary>How many values an image has.</summary>
    /// <param name="map">The map.</param>
    public long Elements(Map map) => (long)map.Pixels * Channels.GetOffsetAndLength(map.Channels).Length;

    /// <summary>The values of this source.</summary>
    /// <param name="map">The map's values, pixel by pixel.</param>
    /// <param name="channels">Channels of a pixel.</param>
    public Memory<float> Of(Memory<float> map, int channels)
    {
        if (Channels.Equals(Range.All)) return map;
        (int first, int count) = Channels.GetOffsetAndLength(channels);
        var values = new float[map.Length / channels * count];
        for (int pixel = 0; pixel < map.Length / channels; pixel++) map.Span.Slice(pixel * channels + first, count).CopyTo(values.AsSpan(pixel * count));
        return values;
    }

    /// <summary>For messages.</summary>
    public override string ToString() => Channels.Equals(Range.All) ? Map : $"{Map}[{Channels}]";
}
