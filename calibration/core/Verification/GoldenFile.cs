using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>Inputs and outputs of the reference library, with images as NHWC. Keys: <c>in.x</c>, <c>in.t</c>, <c>in.class_labels</c>, <c>in.timestep_cond</c>, <c>out.eps</c>,
/// <c>traj.xT</c> and, for each trajectory, <c>traj.NAME.timesteps</c>, <c>traj.NAME.x</c> and <c>traj.NAME.noise</c>. In a file of a whole pipeline all of them begin with <c>unet.</c></summary>
internal sealed class GoldenFile : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly string _prefix;
    private readonly int _height, _width, _channels;

    /// <param name="path">A safetensors file.</param>
    /// <param name="height">Rows of the model's images.</param>
    /// <param name="width">Columns.</param>
    /// <param name="channels">Channels.</param>
    /// <exception cref="SafetensorsException">It is malformed.</exception>
    /// <exception cref="IOException">It is missing or unreadable.</exception>
    public GoldenFile(string path, int height, int width, int channels)
    {
        _file = SafetensorsFile.Open(path);
        _prefix = PrefixOf(_file);
        (_height, _width, _channels) = (height, width, channels);
    }

    /// <summary>What the names of a network's inputs and outputs begin with.</summary>
    public static string PrefixOf(SafetensorsFile file) =>
        file.Entries.ContainsKey("in.x") || !file.Entries.ContainsKey($"{Pipeline.Network}.in.x") ? "" : $"{Pipeline.Network}.";

    /// <summary>Names of the trajectories, in order.</summary>
    public IEnumerable<string> Trajectories =>
        _file.Entries.Keys.Where(k => k.StartsWith(_prefix, StringComparison.Ordinal)).Select(k => k[_prefix.Length..].Split('.')).Where(k => k is ["traj", _, "x"]).Select(k => k[1]).Order(StringComparer.Ordinal);

    public bool Has(string key) => _file.Entries.ContainsKey(_prefix + key);

    /// <summary>Images, NHWC, whatever the leading dimensions.</summary>
    /// <exception cref="SafetensorsException">The tensor is missing, has other extents than the model's images, is empty, or is not finite.</exception>
    /// <param name="key">Name of the tensor.</param>
    /// <param name="channels">Channels of an image; null for the model's.</param>
    public float[] Images(string key, int? channels = null)
    {
        int planes = channels ?? _channels;
        return ToChannelsLast(Planes(key, planes), _height * _width, planes);
    }

    /// <summary>Unit noise of every step, NHWC. Of a network that predicts its variance it may have the output's channels: then it is a generator's numbers in their order, of which each step drew as many as its states have.</summary>
    /// <param name="key">Name of the tensor.</param>
    /// <param name="outputChannels">Channels of the network's output.</param>
    /// <exception cref="SafetensorsException">As for <see cref="Images"/>.</exception>
    public float[] Noise(string key, int outputChannels)
    {
        if (outputChannels == _channels || _file.Entries[_prefix + key].Shape is not [.., var planes, _, _] || planes != outputChannels) return Images(key);
        float[] numbers = Planes(key, outputChannels);
        return ToChannelsLast(numbers[..(numbers.Length / outputChannels * _channels)], _height * _width, _channels);
    }

    private float[] Planes(string key, int planes)
    {
        float[] source = _file.ReadFloats(_prefix + key);
        long[] shape = _file.Entries[_prefix + key].Shape;
        if (shape.Length < 3 || !shape.AsSpan(shape.Length - 3).SequenceEqual([planes, _height, _width]))
            throw Error(key, $"has the shape [{string.Join(", ", shape)}]; the model's images are [..., {planes}, {_height}, {_width}]. The file belongs to another model");
        if (source.Length == 0) throw Error(key, "holds no image");
        if (source.Any(v => !float.IsFinite(v))) throw Error(key, "holds NaN or infinity");
        return source;
    }

    /// <summary>Tokens [n, tokens, channels] as they stand.</summary>
    /// <exception cref="SafetensorsException">The tensor is missing, or has other extents than the model's condition.</exception>
    public float[] Rows(string key, int tokens, int channels)
    {
        float[] values = _file.ReadFloats(_prefix + key);
        long[] shape = _file.Entries[_prefix + key].Shape;
        return shape is [_, var t, var c] && t == tokens && c == channels ? values
            : throw Error(key, $"has the shape [{string.Join(", ", shape)}]; [..., {tokens}, {channels}] is expected. Import the model with that many tokens, or take its own file");
    }

    /// <exception cref="SafetensorsException">The tensor is missing, no tensor of integers, or of another length.</exception>
    public int[] Integers(string key, int length)
    {
        long[] values = _file.ReadIntegers(_prefix + key);
        if (values.Length != length) throw Error(key, $"has {values.Length} elements; {length} are expected");
        if (values.Any(v => v is < int.MinValue or > int.MaxValue)) throw Error(key, "holds a number beyond 32 bits");
        return Array.ConvertAll(values, v => (int)v);
    }

    /// <summary>Timesteps, or labels that are numbers: integers or FP32.</summary>
    /// <exception cref="SafetensorsException">The tensor is missing, or of another length.</exception>
    public float[] Timesteps(string key, int length)
    {
        if (!Has(key) || _file.Entries[_prefix + key].Type == DType.I64) return Array.ConvertAll(Integers(key, length), t => (float)t);
        float[] values = _file.ReadFloats(_prefix + key);
        return values.Length == length ? values : throw Error(key, $"has {values.Length} elements; {length} are expected");
    }

    public SafetensorsException Error(string key, string cause) => new(_file.Path, _prefix + key, cause);

    public void Dispose() => _file.Dispose();

    /// <summary>FP32 numbers [n, m] as they stand, and m.</summary>
    /// <exception cref="SafetensorsException">The tensor is missing, or of other extents.</exception>
    public (float[] Values, int Columns) Table(string key, int rows)
    {
        float[] values = _file.ReadFloats(_prefix + key);
        long[] shape = _file.Entries[_prefix + key].Shape;
        return shape is [var n, var m] && n == rows ? (values, (int)m) : throw Error(key, $"has the shape [{string.Join(", ", shape)}]; [{rows}, ...] is expected");
    }

    /// <summary>NCHW to NHWC, whatever the leading dimensions.</summary>
    public static float[] ToChannelsLast(float[] source, int pixels, int channels)
    {
        var result = new float[source.Length];
        int size = pixels * channels;
        for (int i = 0; i < source.Length; i++)
        {
            int image = i / size, channel = i % size / pixels, pixel = i % pixels;
            result[image * size + pixel * channels + channel] = source[i];
        }

        return result;
    }
}
