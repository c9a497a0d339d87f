using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;
using System.Security.Cryptography;

namespace Specializer.Fuzz;

/// <summary>Loads packed weights beside a program that was compiled with one blob: that blob is accepted, and no other.</summary>
internal sealed class BlobTarget : FuzzTarget
{
    private readonly string _resource = $"Specializer.{Guid.NewGuid():N}.weights";
    private readonly byte[] _blob = new byte[1024];
    private readonly byte[] _key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private readonly Assembly _program;

    public BlobTarget()
    {
        new Random(1).NextBytes(_blob.AsSpan(128));
        "SPZWGT01"u8.CopyTo(_blob);
        BinaryPrimitives.WriteInt32LittleEndian(_blob.AsSpan(8), 1);
        BinaryPrimitives.WriteInt64LittleEndian(_blob.AsSpan(16), _blob.Length);
        _key.CopyTo(_blob, 32);
        // One chunk: docs/weights.md.
        var program = new PersistedAssemblyBuilder(new("Program"), typeof(object).Assembly,
            [new(typeof(PackedWeightsAttribute).GetConstructors()[0], [_resource, Convert.ToHexString(SHA256.HashData(SHA256.HashData(_blob)))])]);
        program.DefineDynamicModule("Program");
        using var image = new MemoryStream();
        program.Save(image);
        _program = Assembly.Load(image.ToArray());
    }

    public override string Name => "blob";

    public override IEnumerable<byte[]> Seeds => [_blob];

    public override string Read(byte[] input)
    {
        File.WriteAllBytes(FullName, input);
        try
        {
            PackedWeights.Open(_program, _resource, _key, _blob.Length).Dispose();
            return input.AsSpan().SequenceEqual(_blob) ? "accepted" : throw new InvalidOperationException("Another blob was accepted.");
        }
        catch (SamplerMismatchException e)
        {
            return e.Message;
        }
    }

    public override void Dispose() => File.Delete(FullName);

    private string FullName => Path.Combine(AppContext.BaseDirectory, _resource);
}
