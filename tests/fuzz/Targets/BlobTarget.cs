using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Specializer.Fuzz;

/// <summary>Loads packed weights within and beside a program that was compiled with one blob: that blob is accepted, and no other.</summary>
internal sealed class BlobTarget : FuzzTarget
{
    private readonly ScratchFile _file = new("Program.weights");
    private readonly byte[] _blob = new byte[1024];
    private readonly byte[] _key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private readonly CompiledProgram _program;

    public BlobTarget()
    {
        new Random(1).NextBytes(_blob.AsSpan(128));
        "SPZWGT01"u8.CopyTo(_blob);
        BinaryPrimitives.WriteInt32LittleEndian(_blob.AsSpan(8), 1);
        BinaryPrimitives.WriteInt64LittleEndian(_blob.AsSpan(16), _blob.Length);
        _key.CopyTo(_blob, 32);
        // One chunk: docs/weights.md.
        _program = new(_file.FullName, Convert.ToHexString(SHA256.HashData(SHA256.HashData(_blob))));
    }

    public override string Name => "blob";

    public override IEnumerable<byte[]> Seeds => [_blob];

    public override unsafe string Read(byte[] input)
    {
        _file.Write(input);
        _program.Embedded = null;
        string beside = Open(input), within;
        fixed (byte* start = &MemoryMarshal.GetArrayDataReference(input))
        {
            _program.Embedded = new(start, input.Length);
            within = Open(input);
        }

        return (beside == "accepted") == (within == "accepted") ? within : throw new InvalidOperationException($"Beside the program: {beside} Within: {within}");
    }

    public override void Dispose() => _file.Dispose();

    private string Open(byte[] input)
    {
        try
        {
            PackedWeights.Open(_program, _program.Resource, _key, _blob.Length).Dispose();
            return input.AsSpan().SequenceEqual(_blob) ? "accepted" : throw new InvalidOperationException("Another blob was accepted.");
        }
        catch (SamplerMismatchException e)
        {
            return e.Message;
        }
    }

    /// <summary>What a loader asks of an assembly, without one: where it lies, what it holds, and which weights it was compiled with.</summary>
    private sealed class CompiledProgram(string weights, string digest) : Assembly
    {
        public string Resource => Path.GetFileName(weights);

        /// <summary>Weights within it; null where they lie beside it.</summary>
        public UnmanagedMemoryStream? Embedded { get; set; }

        public override string Location => Path.ChangeExtension(weights, ".dll");

        public override AssemblyName GetName(bool copiedName) => new("Program");

        public override object[] GetCustomAttributes(Type attributeType, bool inherit) => (PackedWeightsAttribute[])[new(Resource, digest)];

        public override Stream? GetManifestResourceStream(string name) => name == Resource ? Embedded : null;
    }
}
