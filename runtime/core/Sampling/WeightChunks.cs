using System.Security.Cryptography;

namespace Specializer;

/// <summary>Digests of a blob's chunks (docs/weights.md), and which chunks were found to have theirs. Any number of threads may ask.</summary>
/// <param name="start">First byte of the blob, which stays where it is.</param>
/// <param name="length">Bytes of the blob.</param>
/// <param name="digests">SHA-256 of each chunk, one after the other.</param>
internal sealed unsafe class WeightChunks(byte* start, long length, byte[] digests)
{
    private const int ChunkBytes = 1 << 20;

    private readonly bool[] _found = new bool[CountOf(length)];

    /// <summary>Bytes of the digests of a blob.</summary>
    /// <param name="length">Bytes of the blob.</param>
    public static int DigestsOf(long length) => CountOf(length) * SHA256.HashSizeInBytes;

    /// <summary>The digests of what lies there, computed on all cores.</summary>
    /// <param name="start">First byte of a blob.</param>
    /// <param name="length">Its bytes.</param>
    public static byte[] Compute(byte* start, long length)
    {
        var digests = new byte[DigestsOf(length)];
        Parallel.For(0, CountOf(length), chunk => SHA256.HashData(Chunk(start, length, chunk), Digest(digests, chunk)));
        return digests;
    }

    /// <summary>Whether all chunks that a range touches have their digests. A chunk is looked at once; several at a time on all cores.</summary>
    /// <param name="offset">First byte of the range, which lies within the blob.</param>
    /// <param name="bytes">Its bytes.</param>
    public bool Hold(long offset, long bytes)
    {
        if (bytes == 0) return true;
        int first = (int)(offset / ChunkBytes), last = (int)((offset + bytes - 1) / ChunkBytes);
        while (first <= last && Volatile.Read(ref _found[first])) first++;
        if (first < last) return Parallel.For(first, last + 1, (chunk, loop) => { if (!Look(chunk)) loop.Stop(); }).IsCompleted;
        return first > last || Look(first);
    }

    private bool Look(int chunk)
    {
        if (Volatile.Read(ref _found[chunk])) return true;
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Chunk(start, length, chunk), digest);
        if (!digest.SequenceEqual(Digest(digests, chunk))) return false;
        Volatile.Write(ref _found[chunk], true);
        return true;
    }

    private static int CountOf(long length) => checked((int)((length + ChunkBytes - 1) / ChunkBytes));

    private static ReadOnlySpan<byte> Chunk(byte* start, long length, int chunk)
    {
        long offset = (long)chunk * ChunkBytes;
        return new(start + offset, (int)Math.Min(ChunkBytes, length - offset));
    }

    private static Span<byte> Digest(byte[] digests, int chunk) => digests.AsSpan(chunk * SHA256.HashSizeInBytes, SHA256.HashSizeInBytes);
}
