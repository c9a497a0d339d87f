using System.Security.Cryptography;
using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>A checkpoint that grows: records one behind the other, each with its length before it and its SHA-256 behind it. Whatever ends a calibration leaves whole records and
/// at most one that is not, which is cut off. No record is written twice.</summary>
internal sealed class AppendedFile
{
    private const int Longest = int.MaxValue - 1024;

    private readonly string _path;
    private readonly byte[] _header;
    private readonly Action<string> _setAside;
    private long _end;

    /// <param name="path">The file, which need not be there.</param>
    /// <param name="header">What it begins with; another file starts anew.</param>
    /// <param name="setAside">Told why a file that is there is not taken.</param>
    /// <exception cref="IOException">What is there is no file, or a link to one.</exception>
    public AppendedFile(string path, byte[] header, Action<string> setAside)
    {
        (_path, _header, _setAside) = (path, header, setAside);
        using FileStream file = Open(create: true);
        if (file.Length == 0 || !StartsWith(file, header))
        {
            if (file.Length > 0) setAside("it is of another model, other options or another build of the tools");
            file.SetLength(0);
            file.Write(header);
            file.SetLength(header.Length);
        }
    }

    /// <summary>Reads every whole record, and cuts off what follows the last; so, with a word, what begins with one that is none.</summary>
    /// <param name="record">Given where it begins, and what it holds. Throws what reading from memory throws where that is no record, and keeps nothing of it then.</param>
    /// <param name="most">Records that are wanted; those that follow are cut off as well.</param>
    public void ReadAll(Action<long, BinaryReader> record, int most = int.MaxValue)
    {
        using FileStream file = Open();
        file.Position = _header.Length;
        for (_end = file.Position; most-- > 0 && Next(file) is { } content; _end = file.Position)
        {
            using var reader = new BinaryReader(new MemoryStream(content));
            try
            {
                record(_end, reader);
            }
            catch (Exception e) when (e is IOException or InvalidDataException or FormatException)
            {
                _setAside($"its record at byte {_end} is none, and what follows is left out: {e.Message}");
                break;
            }
        }

        file.SetLength(_end);
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="InvalidDataException">It has changed since it was written.</exception>
    public T Read<T>(long offset, Func<BinaryReader, T> record)
    {
        using FileStream file = Open();
        file.Position = offset;
        using var reader = new BinaryReader(new MemoryStream(Next(file) ?? throw new InvalidDataException($"'{_path}' has changed while it was in use. Start again; what is whole of it is taken.")));
        return record(reader);
    }

    /// <summary>Adds a record; returns where it begins.</summary>
    public long Append(Action<BinaryWriter> record)
    {
        var content = new MemoryStream();
        using (var writer = new BinaryWriter(content, System.Text.Encoding.UTF8, leaveOpen: true)) record(writer);
        ReadOnlySpan<byte> bytes = content.GetBuffer().AsSpan(0, checked((int)content.Length));
        using FileStream file = Open();
        long offset = file.Position = Math.Max(_end, _header.Length);
        using (var writer = new BinaryWriter(file, System.Text.Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(bytes.Length);
            writer.Write(bytes);
            writer.Write(SHA256.HashData(bytes));
        }

        file.SetLength(file.Position);
        _end = file.Position;
        return offset;
    }

    /// <summary>Brings what was added to the disk.</summary>
    public void Sync()
    {
        using FileStream file = Open();
        Disk.Sync(file, _path);
    }

    private FileStream Open(bool create = false) => RegularFile.OpenToGrow(_path, create);

    private static bool StartsWith(FileStream file, byte[] header)
    {
        var start = new byte[header.Length];
        return file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.AsSpan().SequenceEqual(header);
    }

    /// <summary>The record at the position; null where none is whole.</summary>
    private static byte[]? Next(FileStream file)
    {
        Span<byte> prefix = stackalloc byte[sizeof(int)], hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (file.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length) return null;
        int length = BitConverter.ToInt32(prefix);
        if (length is < 0 or > Longest || file.Length - file.Position < (long)length + SHA256.HashSizeInBytes) return null;
        var content = new byte[length];
        file.ReadExactly(content);
        file.ReadExactly(hash);
        return SHA256.HashData(content).AsSpan().SequenceEqual(hash) ? content : null;
    }
}
