using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>The one reader: opens files that anyone may have put there. A pipe makes nobody wait, and nothing is read beyond the length at opening, which a device has not.</summary>
internal static class RegularFile
{
    /// <summary>Opens a file to read; the one handle serves to check and to read.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">It is a folder, a pipe or a socket.</exception>
    public static FileStream Open(string path)
    {
        if (Directory.Exists(path)) throw new IOException($"'{MessageText.Harmless(path)}' is a folder; a file is expected.");
        FileStream stream = Disk.Open(path);
        if (stream.CanSeek) return stream;
        stream.Dispose();
        throw new IOException($"'{MessageText.Harmless(path)}' is a pipe or a device; a file is expected.");
    }

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="IOException">As <see cref="Open"/> says, or it is longer than <paramref name="maximumBytes"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static byte[] ReadAll(string path, int maximumBytes)
    {
        using FileStream stream = Open(path);
        if (stream.Length > maximumBytes) throw new IOException($"'{MessageText.Harmless(path)}' has {stream.Length} bytes; at most {maximumBytes} are read.");
        var bytes = new byte[stream.Length];
        for (int read = 0, count; read < bytes.Length; read += count)
        {
            count = stream.Read(bytes, read, bytes.Length - read);
            if (count == 0) throw new EndOfStreamException($"'{MessageText.Harmless(path)}' became shorter while it was read.");
        }

        return bytes;
    }
}
