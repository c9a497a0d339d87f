using System.Security.Cryptography;

namespace Specializer.Packing;

/// <summary>What a program compiled with a blob holds of its content (docs/weights.md): the SHA-256 over the SHA-256 of each MiB, so that any number of cores can check it.</summary>
internal sealed class ContentDigest : HashAlgorithm
{
    /// <summary>All chunks but the last have this length.</summary>
    public const int ChunkBytes = 1 << 20;

    private readonly SHA256 _chunk = SHA256.Create();
    private readonly List<byte> _digests = [];
    private int _filled;

    public ContentDigest() => HashSizeValue = 256;

    /// <summary>The SHA-256 of each chunk of what was hashed last, one after the other.</summary>
    public byte[] Chunks { get; private set; } = [];

    public override void Initialize()
    {
        _chunk.Initialize();
        _digests.Clear();
        _filled = 0;
    }

    protected override void HashCore(byte[] array, int start, int length)
    {
        for (int part; length > 0; start += part, length -= part)
        {
            part = Math.Min(length, ChunkBytes - _filled);
            _chunk.TransformBlock(array, start, part, null, 0);
            _filled += part;
            if (_filled == ChunkBytes) EndChunk();
        }
    }

    protected override byte[] HashFinal()
    {
        if (_filled > 0) EndChunk();
        Chunks = [.. _digests];
        using var whole = SHA256.Create();
        return whole.ComputeHash(Chunks);
    }

    protected override void Dispose(bool disposing)
    {
        _chunk.Dispose();
        base.Dispose(disposing);
    }

    private void EndChunk()
    {
        _chunk.TransformFinalBlock([], 0, 0);
        _digests.AddRange(_chunk.Hash!);
        _chunk.Initialize();
        _filled = 0;
    }
}
