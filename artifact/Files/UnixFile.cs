using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>What .NET does not offer of Unix' files: opening without waiting for a pipe's writer or following a link, folders, and errors of a flush.</summary>
internal static class UnixFile
{
    private const int NotPermitted = 1, NotFound = 2, Interrupted = 4, Denied = 13, NoFolder = 20, Invalid = 22, ReadOnlyDisk = 30, NotSupportedByLinux = 95, NotSupportedByMac = 45;
    private const int ReadAndWrite = 2;

    /// <summary>Whether this system is one whose flags are known here.</summary>
    public static bool IsSupported { get; } = RuntimeInformation.IsOSPlatform(OSPlatform.Linux) || RuntimeInformation.IsOSPlatform(OSPlatform.OSX);

    private static readonly bool s_linux = RuntimeInformation.IsOSPlatform(OSPlatform.Linux);

    // O_NONBLOCK, without which opening a pipe waits for a writer, and O_CLOEXEC.
    private static readonly int s_flags = s_linux ? 0x800 | 0x80000 : 0x4 | 0x1000000;

    // O_NOFOLLOW, of which Linux has two, and what a link is refused with: ELOOP.
    private static readonly int s_noLink = !s_linux ? 0x100 : RuntimeInformation.ProcessArchitecture.ToString() is "Arm" or "Arm64" or "Armv6" or "Ppc64le" ? 0x8000 : 0x20000;
    private static readonly int s_link = s_linux ? 40 : 62;

    /// <summary>Opens a file or a folder to read.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">Anything else.</exception>
    public static SafeFileHandle Open(string path) => Open(path, s_flags);

    /// <summary>Opens a file that is there to read and to write; a link is not followed.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    /// <exception cref="IOException">It is a link, a folder, or anything else that cannot be opened.</exception>
    public static SafeFileHandle OpenToWrite(string path) => Open(path, s_flags | ReadAndWrite | s_noLink);

    private static SafeFileHandle Open(string path, int flags)
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
            NotFound or NoFolder => new FileNotFoundException($"Could not find the file '{MessageText.Harmless(path)}'.", path),
            Denied or NotPermitted => new UnauthorizedAccessException($"Access to the file '{MessageText.Harmless(path)}' is denied."),
            _ when error == s_link && (flags & s_noLink) != 0 => RegularFile.IsALink(path),
            _ => new IOException($"'{MessageText.Harmless(path)}' cannot be opened: error {error} of the system."),
        };
    }

    /// <summary>Forces a file's content, or a folder's names, to the disk. What cannot be synced, as some shares, is left as it is.</summary>
    /// <exception cref="IOException">The disk reports an error, which <see cref="FileStream.Flush(bool)"/> keeps to itself.</exception>
    public static void Sync(SafeFileHandle handle, string path)
    {
        while (SyncDescriptor(handle) != 0)
        {
            int error = Marshal.GetLastWin32Error();
            if (error is Invalid or ReadOnlyDisk or NotSupportedByLinux or NotSupportedByMac) return;
            if (error != Interrupted) throw new IOException($"'{MessageText.Harmless(path)}' could not be brought to the disk: error {error} of the system.");
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int OpenDescriptor(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int SyncDescriptor(SafeFileHandle descriptor);
}
