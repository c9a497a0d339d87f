namespace Specializer.Calibration.Export;

/// <summary>A file beside an ONNX model that holds its tensors, for models longer than Protocol Buffers allow: ONNX's external data. Memory then holds one tensor at a time.</summary>
public sealed class OnnxData
{
    /// <summary>Shorter tensors stay in the model, where tools read shapes and scales.</summary>
    internal const int Least = 1024;

    // Readers map the file: tensors begin where vectors may.
    private const int Alignment = 64;

    private readonly Stream _stream;
    private readonly string _name;
    private long _length;

    /// <param name="stream">Receives the tensors as they are made.</param>
    /// <param name="name">The file's name, without a folder: it lies where the model does.</param>
    /// <exception cref="ArgumentException">The name has a folder in it.</exception>
    public OnnxData(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (Path.GetFileName(name) != name) throw new ArgumentException($"The tensors' file lies beside the model's; name it without a folder, not '{name}'.", nameof(name));
        (_stream, _name) = (stream, name);
    }

    /// <summary>Writes a tensor's bytes.</summary>
    /// <returns>What the model says of where they are.</returns>
    internal IEnumerable<ProtobufMessage> Add(ReadOnlySpan<byte> bytes)
    {
        long offset = (_length + Alignment - 1) / Alignment * Alignment;
        _stream.Write(new byte[offset - _length]);
        _stream.Write(bytes);
        _length = offset + bytes.Length;
        return [Entry("location", _name), Entry("offset", FormattableString.Invariant($"{offset}")), Entry("length", FormattableString.Invariant($"{bytes.Length}"))];

        static ProtobufMessage Entry(string key, string value) => new ProtobufMessage().Add(1, key).Add(2, value);
    }
}
