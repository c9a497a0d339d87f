using System.Buffers.Binary;
using System.IO.Compression;
using Specializer.Formats;

namespace Specializer.Reporting;

/// <summary>Reads the gzip-compressed idx files of MNIST: magic (0, 0, type 8 = unsigned byte, number of dimensions), the dimensions as big-endian 32-bit numbers, then the bytes.</summary>
internal static class IdxFile
{
    private const int LargestFile = 1 << 28;

    /// <summary>Dimensions and bytes of a file.</summary>
    /// <param name="path">A <c>.gz</c> file.</param>
    /// <exception cref="InvalidDataException">It is not an idx file of bytes, or it is truncated.</exception>
    public static (int[] Shape, byte[] Values) Read(string path)
    {
        using var stream = new GZipStream(RegularFile.Open(path), CompressionMode.Decompress);
        Span<byte> head = stackalloc byte[4];
        try
        {
            stream.ReadExactly(head);
            if (head[0] != 0 || head[1] != 0 || head[2] != 8 || head[3] is 0 or > 4)
                throw new InvalidDataException($"{path}: not an idx file of unsigned bytes.");
            var shape = new int[head[3]];
            long length = 1;
            for (int d = 0; d < shape.Length; d++)
            {
                stream.ReadExactly(head);
                shape[d] = BinaryPrimitives.ReadInt32BigEndian(head);
                length = shape[d] is < 0 or > LargestFile ? long.MaxValue : length * shape[d];
                if (length > LargestFile) throw new InvalidDataException($"{path}: announces more than {LargestFile} bytes; the file is damaged.");
            }

            var values = new byte[length];
            stream.ReadExactly(values);
            return (shape, values);
        }
        catch (Exception e) when (e is EndOfStreamException || (e is InvalidDataException && !e.Message.StartsWith(path, StringComparison.Ordinal)))
        {
            throw new InvalidDataException($"{path}: the file is truncated, or was not compressed by gzip; download it again.", e);
        }
    }
}
