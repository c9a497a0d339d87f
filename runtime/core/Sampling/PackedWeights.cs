using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.IO.MemoryMappedFiles;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Specializer.Formats;

namespace Specializer;

/// <summary>The packed weights (docs/weights.md): mapped and verified, never parsed. Those that the build lists chunk by chunk are verified where they are first read, others whole.</summary>
internal sealed unsafe class PackedWeights : IDisposable
{
    private const ulong Magic = 0x3130_5447_575A_5053; // "SPZWGT01", little-endian
    private const uint LayoutVersion = 1;
    private const int HeaderBytes = 128;

    private readonly byte* _start;
    private readonly Action _release;
    private string _name = "";
    private string? _digest;
    private WeightChunks? _chunks;
    private bool _disposed;

    private PackedWeights(byte* start, long length, Action release)
    {
        _start = start;
        Length = length;
        _release = release;
    }

    /// <summary>Bytes, header included.</summary>
    public long Length { get; }

    /// <summary>The SHA-256 over the SHA-256 of each chunk, 64 lower-case hexadecimal digits.</summary>
    public string Digest => _digest ??= DigestOf(WeightChunks.Compute(_start, Length));

    /// <summary>Opens the blob embedded in <paramref name="assembly"/> under <paramref name="resource"/>, or, when it was too large to embed,
    /// the file of that name beside the assembly or the program, and checks header and content against what the program was compiled with: the whole, or chunk by chunk when <see cref="Read(long, long)"/>
    /// first gives it, where the build has listed the chunks' digests. The bytes that are checked are those that are given.</summary>
    /// <exception cref="SamplerMismatchException">The blob is missing, damaged, or holds other weights.</exception>
    public static PackedWeights Open(Assembly assembly, string resource, ReadOnlySpan<byte> key, long length)
    {
        PackedWeights weights = assembly.GetManifestResourceStream(resource) is UnmanagedMemoryStream stream
            ? new(stream.PositionPointer, stream.Length, stream.Dispose)
            : Map(Beside(assembly, resource));
        try
        {
            weights._name = resource;
            weights.CheckHeader(key, length);
            weights.CheckContent(assembly);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Holds a blob that is packed in memory, as the calibration interpreter does: of any length, outside the garbage collector's heap.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="write">Writes all of them.</param>
    public static PackedWeights Write(long length, Action<Stream> write)
    {
        var memory = (byte*)NativeMemory.AlignedAlloc(checked((nuint)length), 64);
        var weights = new PackedWeights(memory, length, () => NativeMemory.AlignedFree(memory));
        try
        {
            using var stream = new UnmanagedMemoryStream(memory, length, length, FileAccess.Write);
            write(stream);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>A copy of a file among the weights.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It does not lie within.</exception>
    public byte[] Read(PackedText text)
    {
        if (text.Offset < HeaderBytes || text.Length < 0 || text.Length > Length - text.Offset)
            throw new ArgumentOutOfRangeException(nameof(text), text, $"The packed weights have {Length} bytes.");
        return new ReadOnlySpan<byte>(Read(text.Offset, text.Length), text.Length).ToArray();
    }

    /// <summary>Where some bytes lie, which are verified.</summary>
    /// <param name="offset">The first, from the beginning of the header.</param>
    /// <param name="bytes">Their number; they lie within the blob.</param>
    /// <exception cref="SamplerMismatchException">They are damaged.</exception>
    public byte* Read(long offset, long bytes)
    {
        if (_chunks?.Hold(offset, bytes) == false) throw Damaged();
        return _start + offset;
    }

    /// <summary>Verifies what was not read yet.</summary>
    /// <exception cref="SamplerMismatchException">It is damaged.</exception>
    public void Verify() => Read(0, Length);

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _release();
    }

    /// <summary>The file beside the assembly, which need not be the program's own: another may have loaded it. Beside the program where the assembly is in one file with it.</summary>
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "Then the location is empty.")]
    private static string Beside(Assembly assembly, string resource)
    {
        string beside = Path.Combine(Path.GetDirectoryName(assembly.Location) ?? "", resource);
        return assembly.Location.Length > 0 && File.Exists(beside) ? beside : Path.Combine(AppContext.BaseDirectory, resource);
    }

    private static PackedWeights Map(string path)
    {
        if (!File.Exists(path))
            throw new SamplerMismatchException($"The packed weights '{path}' are missing: they are neither embedded in the program nor beside it. Rebuild or publish the program again.");
        FileStream stream = RegularFile.Open(path);
        try
        {
            long length = stream.Length;
            if (length < HeaderBytes) throw Truncated(path, length); // An empty file cannot even be mapped.
            MemoryMappedFile file = Disk.Map(stream, path, leaveOpen: false);
            MemoryMappedViewAccessor view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            byte* pointer = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
            return new(pointer + view.PointerOffset, length, () =>
            {
                view.SafeMemoryMappedViewHandle.ReleasePointer();
                view.Dispose();
                file.Dispose();
            });
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private void CheckHeader(ReadOnlySpan<byte> key, long length)
    {
        if (Length < HeaderBytes)
            throw Truncated(_name, Length);
        var header = new ReadOnlySpan<byte>(_start, HeaderBytes);
        if (BinaryPrimitives.ReadUInt64LittleEndian(header) != Magic || BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) != LayoutVersion)
            throw new SamplerMismatchException($"The packed weights '{_name}' have another layout than this version of Specializer.Runtime reads. Use the same version of all Specializer packages and rebuild.");
        if (Length != length || BinaryPrimitives.ReadUInt64LittleEndian(header[16..]) != (ulong)length)
            throw new SamplerMismatchException($"The packed weights '{_name}' have {Length} bytes, the generated sampler expects {length}. Rebuild the program.");
        if (!header.Slice(32, 32).SequenceEqual(key))
            throw new SamplerMismatchException($"The packed weights '{_name}' are not those that the generated sampler was compiled for. Rebuild the program.");
    }

    private void CheckContent(Assembly assembly)
    {
        PackedWeightsAttribute? bound = assembly.GetCustomAttributes<PackedWeightsAttribute>().FirstOrDefault(a => a.Resource == _name);
        if (bound is null)
            throw new SamplerMismatchException($"The assembly '{assembly.GetName().Name}' does not say what the packed weights '{_name}' hold: it was compiled without the targets of the package Specializer. Build it with them.");
        byte[]? listed = Listed(assembly);
        if (listed is not null) _digest = DigestOf(listed);
        if (!string.Equals(Digest, bound.Digest, StringComparison.OrdinalIgnoreCase)) throw Damaged();
        if (listed is null) return;
        _chunks = new(_start, Length, listed);
        Read(0, HeaderBytes);
    }

    /// <summary>The digests of the chunks as the build has listed them in the assembly; null where it has not. The digest of the whole is theirs, so that it tells whether they are the right ones.</summary>
    private byte[]? Listed(Assembly assembly)
    {
        using Stream? list = assembly.GetManifestResourceStream($"{_name}.chunks");
        if (list is null || list.Length != WeightChunks.DigestsOf(Length)) return null;
        var digests = new byte[list.Length];
        list.ReadExactly(digests);
        return digests;
    }

    private static string DigestOf(byte[] chunks) => Convert.ToHexStringLower(SHA256.HashData(chunks));

    private SamplerMismatchException Damaged() =>
        new($"The packed weights '{_name}' are damaged: their content is not what the program was compiled with. Rebuild or publish the program again.");

    private static SamplerMismatchException Truncated(string name, long length) =>
        new($"The packed weights '{name}' are truncated: {length} bytes. Rebuild or publish the program again.");
}
