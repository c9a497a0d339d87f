using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>The one place where libraries, tool and build task touch files and folders; elsewhere they only ask whether one exists. Tests make any one operation fail (docs/security.md, "Faults").</summary>
internal static class Disk
{
    private static readonly AsyncLocal<Action<DiskOperation, string>?> s_before = new();

    /// <summary>Called before each operation of this flow of control, with its path; what it throws, the operation fails with. Null but in tests.</summary>
    public static Action<DiskOperation, string>? Before
    {
        get => s_before.Value;
        set => s_before.Value = value;
    }

    /// <summary>Opens an existing file to read, without a buffer. Pipes and devices open, too.</summary>
    /// <exception cref="IOException">It cannot be opened; <see cref="FileNotFoundException"/> where there is none.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static FileStream Open(string path)
    {
        Announce(DiskOperation.Open, path);
        return Observe(UnixFile.IsSupported ? new(UnixFile.Open(path), FileAccess.Read, 1) : new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1), FileAccess.Read, path);
    }

    /// <summary>Creates a file that does not exist yet, locked against <see cref="DeleteUnlocked"/> while it is open. Without a buffer.</summary>
    public static FileStream Create(string path)
    {
        Announce(DiskOperation.Create, path);
        return Observe(new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, 1), FileAccess.ReadWrite, path);
    }

    /// <summary>Opens a file that one writer reads and adds to; others may only look on. Without a buffer. A link is not followed: what it leads to is somebody else's. Pipes and devices open, too.</summary>
    /// <param name="path">The file.</param>
    /// <param name="create">Whether it is made where there is none.</param>
    /// <exception cref="IOException">It is a link, or cannot be opened or made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static FileStream OpenToGrow(string path, bool create)
    {
        Announce(DiskOperation.Open, path);
        return Observe(Open(), FileAccess.ReadWrite, path);

        FileStream Open()
        {
            if (!UnixFile.IsSupported && File.Exists(path) && (File.GetAttributes(path) & FileAttributes.ReparsePoint) != 0) throw RegularFile.IsALink(path);
            try
            {
                return UnixFile.IsSupported ? new(UnixFile.OpenToWrite(path), FileAccess.ReadWrite, 1) : Shared(FileMode.Open);
            }
            catch (FileNotFoundException) when (create)
            {
                return Shared(FileMode.CreateNew);
            }
        }

        FileStream Shared(FileMode mode) => new(path, mode, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, 1);
    }

    /// <summary>Maps a whole file that is open, to read. What the disk does later, while the mapping is read, is not heard of here.</summary>
    /// <param name="file">The file, not empty.</param>
    /// <param name="path">Where it was opened.</param>
    /// <param name="leaveOpen">Whether the file stays open when the mapping is disposed of.</param>
    /// <exception cref="IOException">It cannot be mapped.</exception>
    public static MemoryMappedFile Map(FileStream file, string path, bool leaveOpen)
    {
        Announce(DiskOperation.Map, path);
        return MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen);
    }

#if !NETSTANDARD2_0
    /// <summary>Reads from a place of a file that is open; several threads may.</summary>
    /// <returns>Bytes read, 0 at the end.</returns>
    public static int Read(FileStream file, string path, Span<byte> destination, long offset)
    {
        Announce(DiskOperation.Read, path);
        // As an observed file.
        if (Before is not null && destination.Length > 1) destination = destination[..^1];
        return RandomAccess.Read(file.SafeFileHandle, destination, offset);
    }
#endif

    /// <summary>Forces a file's content to the disk.</summary>
    /// <exception cref="IOException">The disk reports an error.</exception>
    public static void Sync(FileStream file, string path)
    {
        Announce(DiskOperation.Sync, path);
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Linux))
        {
            file.Flush();
            UnixFile.Sync(file.SafeFileHandle, path);
        }
        else
        {
            file.Flush(flushToDisk: true);
        }
    }

    /// <summary>Forces to the disk what names a folder holds; does nothing where the system has no such thing, or the folder may not be read.</summary>
    /// <exception cref="IOException">The disk reports an error.</exception>
    public static void SyncFolder(string path)
    {
        if (!UnixFile.IsSupported) return;
        Announce(DiskOperation.SyncFolder, path);
        try
        {
            using var folder = UnixFile.Open(path);
            UnixFile.Sync(folder, path);
        }
        catch (UnauthorizedAccessException)
        {
        }
    }

    /// <summary>Renames a file, over an existing one.</summary>
    public static void Rename(string from, string to)
    {
        Announce(DiskOperation.Rename, to);
#if NETSTANDARD2_0
        try
        {
            File.Move(from, to);
        }
        catch (IOException) when (File.Exists(to))
        {
            File.Replace(from, to, null);
        }
#else
        File.Move(from, to, overwrite: true);
#endif
    }

    /// <summary>Renames a folder.</summary>
    public static void RenameFolder(string from, string to)
    {
        Announce(DiskOperation.Rename, to);
        Directory.Move(from, to);
    }

    /// <summary>Removes a file, if it is there.</summary>
    public static void Delete(string path)
    {
        Announce(DiskOperation.Delete, path);
        File.Delete(path);
    }

    /// <summary>Removes a file that nobody has open through <see cref="Create"/>.</summary>
    /// <exception cref="IOException">Somebody has.</exception>
    public static void DeleteUnlocked(string path)
    {
        Announce(DiskOperation.Delete, path);
        new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
    }

    /// <summary>Removes a folder.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="recursive">With all that is in it; else it must be empty.</param>
    public static void DeleteFolder(string path, bool recursive)
    {
        Announce(DiskOperation.Delete, path);
        Directory.Delete(path, recursive);
    }

    /// <summary>Makes a folder and those above it, if they are not there.</summary>
    /// <exception cref="IOException">It cannot be made; the system's own message names a part of the path, or none.</exception>
    public static void CreateFolder(string path)
    {
        Announce(DiskOperation.CreateFolder, path);
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{MessageText.Harmless(path)}: the folder cannot be made. Name another, or see to what stands in its place and to the permissions of the folders above it. {MessageText.Harmless(e.Message)}", e);
        }
    }

    /// <summary>The files of a folder, in the order of their names.</summary>
    public static string[] Files(string folder, string pattern = "*")
    {
        Announce(DiskOperation.List, folder);
        return [.. Directory.GetFiles(folder, pattern).OrderBy(f => f, StringComparer.Ordinal)];
    }

    /// <summary>The folders in a folder, in the order of their names.</summary>
    public static string[] Folders(string folder, string pattern = "*")
    {
        Announce(DiskOperation.List, folder);
        return [.. Directory.GetDirectories(folder, pattern).OrderBy(f => f, StringComparer.Ordinal)];
    }

    /// <summary>Whether a folder has nothing in it.</summary>
    public static bool IsEmpty(string folder)
    {
        Announce(DiskOperation.List, folder);
        return !Directory.EnumerateFileSystemEntries(folder).Any();
    }

    /// <summary>Takes a file as a lock, until the result is disposed of; then the file is gone. The system frees it when the process ends, however that ends.</summary>
    /// <exception cref="IOException">Another one holds it, or it cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public static IDisposable Lock(string path)
    {
        Announce(DiskOperation.Lock, path);
        return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
    }

    private static void Announce(DiskOperation operation, string path) => Before?.Invoke(operation, path);

    private static FileStream Observe(FileStream file, FileAccess access, string path) => Before is { } before ? new ObservedFile(file, access, path, before) : file;
}
