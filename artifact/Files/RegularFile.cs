using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>The one opener of files that anyone may have put there. A pipe makes nobody wait, and nothing is read beyond the length at opening, which a device has not.</summary>
internal static class RegularFile
{
    /// <summary>Opens a file to read; the one handle serves to check and to read.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">It is a folder, a pipe or a socket.</exception>
    public static FileStream Open(string path) => Checked(path, Disk.Open);

    /// <summary>Opens a file that grows, to read and to write. A link is not followed, so that nothing is written elsewhere.</summary>
    /// <param name="path">The file.</param>
    /// <param name="create">Whether it is made where there is none.</param>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    /// <exception cref="IOException">It is a link, a folder, a pipe or a socket.</exception>
    public static FileStream OpenToGrow(string path, bool create) => Checked(path, p => Disk.OpenToGrow(p, create));

    /// <summary>Says that a link stands where a file is written.</summary>
    public static IOException IsALink(string path) => new($"'{MessageText.Harmless(path)}' is a link; a file is expected, for what a link leads to is not written over. Remove the link.");

    private static FileStream Checked(string path, Func<string, FileStream> open)
    {
        if (Directory.Exists(path)) throw new IOException($"'{MessageText.Harmless(path)}' is a folder; a file is expected.");
        FileStream stream = open(path);
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
