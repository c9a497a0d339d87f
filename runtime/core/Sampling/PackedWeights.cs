using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Specializer;

/// <summary>The packed weights (docs/weights.md): mapped, never parsed.</summary>
internal sealed unsafe class PackedWeights : IDisposable
{
    private const ulong Magic = 0x3130_5447_575A_5053; // "SPZWGT01", little-endian
    private const uint LayoutVersion = 1;
    private const int HeaderBytes = 128;

    private readonly Action _release;
    private bool _disposed;

    private PackedWeights(byte* pointer, long length, Action release)
    {
        Pointer = pointer;
        Length = length;
        _release = release;
    }

    /// <summary>First byte of the header.</summary>
    public byte* Pointer { get; }

    /// <summary>Bytes, header included.</summary>
    public long Length { get; }

    /// <summary>Opens the blob embedded in <paramref name="assembly"/> under <paramref name="resource"/>, or, when it was too large to embed,
    /// the file of that name beside the program, and checks its header against what the generated code was compiled for.</summary>
    /// <exception cref="SamplerMismatchException">The blob is missing or holds other weights.</exception>
    public static PackedWeights Open(Assembly assembly, string resource, ReadOnlySpan<byte> key, long length)
    {
        PackedWeights weights = assembly.GetManifestResourceStream(resource) is UnmanagedMemoryStream stream
            ? new(stream.PositionPointer, stream.Length, stream.Dispose)
            : Map(Path.Combine(AppContext.BaseDirectory, resource));
        try
        {
            weights.Check(resource, key, length);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Copies a blob that was packed in memory, as the calibration interpreter does.</summary>
    public static PackedWeights Copy(ReadOnlySpan<byte> blob)
    {
        void* memory = NativeMemory.AlignedAlloc((nuint)blob.Length, 64);
        blob.CopyTo(new Span<byte>(memory, blob.Length));
        return new((byte*)memory, blob.Length, () => NativeMemory.AlignedFree(memory));
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _release();
    }

    private static PackedWeights Map(string path)
    {
        if (!File.Exists(path))
            throw new SamplerMismatchException($"The packed weights '{path}' are missing: they are neither embedded in the program nor beside it. Rebuild or publish the program again.");
        long length = new FileInfo(path).Length;
        if (length < HeaderBytes) throw Truncated(path, length); // An empty file cannot even be mapped.
        MemoryMappedFile file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        MemoryMappedViewAccessor view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* pointer = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        return new(pointer + view.PointerOffset, length, () =>
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            file.Dispose();
        });
    }

    private void Check(string name, ReadOnlySpan<byte> key, long length)
    {
        if (Length < HeaderBytes)
            throw Truncated(name, Length);
        var header = new ReadOnlySpan<byte>(Pointer, HeaderBytes);
        if (BinaryPrimitives.ReadUInt64LittleEndian(header) != Magic || BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) != LayoutVersion)
            throw new SamplerMismatchException($"The packed weights '{name}' have another layout than this version of Specializer.Runtime reads. Use the same version of all Specializer packages and rebuild.");
        if (Length != length || BinaryPrimitives.ReadUInt64LittleEndian(header[16..]) != (ulong)length)
            throw new SamplerMismatchException($"The packed weights '{name}' have {Length} bytes, the generated sampler expects {length}. Rebuild the program.");
        if (!header.Slice(32, 32).SequenceEqual(key))
            throw new SamplerMismatchException($"The packed weights '{name}' are not those that the generated sampler was compiled for. Rebuild the program.");
    }

    private static SamplerMismatchException Truncated(string name, long length) =>
        new($"The packed weights '{name}' are truncated: {length} bytes. Rebuild or publish the program again.");
}
