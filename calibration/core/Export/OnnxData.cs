namespace Specializer.Calibration.Export;

/// <summary>A file beside an ONNX model that holds its tensors, for models longer than Protocol Buffers allow: ONNX's external data.</summary>
/// <param name="stream">Receives the tensors as they are made, so that none is kept.</param>
/// <param name="name">The file's name, without a folder: it lies where the model does.</param>
internal sealed class OnnxData(Stream stream, string name)
{
    /// <summary>Shorter tensors stay in the model, where tools read shapes and scales.</summary>
    public const int Least = 1024;

    // Readers map the file: tensors begin where vectors may.
    private const int Alignment = 64;

    private long _length;

    /// <summary>Writes a tensor's bytes.</summary>
    /// <returns>What the model says of where they are.</returns>
    public IEnumerable<ProtobufMessage> Add(ReadOnlySpan<byte> bytes)
    {
        long offset = (_length + Alignment - 1) / Alignment * Alignment;
        stream.Write(new byte[offset - _length]);
        stream.Write(bytes);
        _length = offset + bytes.Length;
        return [Entry("location", name), Entry("offset", FormattableString.Invariant($"{offset}")), Entry("length", FormattableString.Invariant($"{bytes.Length}"))];

        static ProtobufMessage Entry(string key, string value) => new ProtobufMessage().Add(1, key).Add(2, value);
    }
}
