using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Specializer.Formats;

/// <summary>Opens files that anyone may have put there. A pipe makes nobody wait, and nothing is read beyond the length at opening, which a device has not.</summary>
internal static class RegularFile
{
    private const int NotPermitted = 1, NotFound = 2, Interrupted = 4, Denied = 13, NoFolder = 20;

    /// <summary>Opens a file to read; the one handle serves to check and to read.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">It is a folder, a pipe or a socket.</exception>
    public static FileStream Open(string path)
    {
        if (Directory.Exists(path)) throw new IOException($"'{path}' is a folder; a file is expected.");
        FileStream stream = RuntimeInformation.IsOSPlatform(OSPlatform.Linux) ? new(OpenUnix(path, 0x800 | 0x80000), FileAccess.Read)
            : RuntimeInformation.IsOSPlatform(OSPlatform.OSX) ? new(OpenUnix(path, 0x4 | 0x1000000), FileAccess.Read)
            : new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (stream.CanSeek) return stream;
        stream.Dispose();
        throw new IOException($"'{path}' is a pipe or a device; a file is expected.");
    }

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="IOException">As <see cref="Open"/> says, or it is longer than <paramref name="maximumBytes"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static byte[] ReadAll(string path, int maximumBytes)
    {
        using FileStream stream = Open(path);
        if (stream.Length > maximumBytes) throw new IOException($"'{path}' has {stream.Length} bytes; at most {maximumBytes} are read.");
        var bytes = new byte[stream.Length];
        for (int read = 0, count; read < bytes.Length; read += count)
        {
            count = stream.Read(bytes, read, bytes.Length - read);
            if (count == 0) throw new EndOfStreamException($"'{path}' became shorter while it was read.");
        }

        return bytes;
    }

    /// <param name="path">The file.</param>
    /// <param name="flags">O_NONBLOCK, without which opening a pipe waits for a writer, and O_CLOEXEC.</param>
    private static SafeFileHandle OpenUnix(string path, int flags)
    {
        byte[] name = Encoding.UTF8.GetBytes(Path.GetFullPath(path) + '\0');
        int descriptor, error = 0;
        do
        {
            descriptor = OpenDescriptor(name, flags);
            if (descriptor < 0) error = Marshal.GetLastWin32Error();
        }
        while (descriptor < 0 && error == Interrupted);
        if (descriptor >= 0) return new((IntPtr)descriptor, ownsHandle: true);
        throw error switch
        {
            NotFound or NoFolder => new FileNotFoundException($"Could not find the file '{path}'.", path),
            Denied or NotPermitted => new UnauthorizedAccessException($"Access to the file '{path}' is denied."),
            _ => new IOException($"'{path}' cannot be opened: error {error} of the system."),
        };
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int OpenDescriptor(byte[] path, int flags);
}
