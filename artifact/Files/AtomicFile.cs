using System.Runtime.InteropServices;

namespace Specializer.Formats;

/// <summary>The one writer of files: a reader finds the old content or the new one, never a part of it (docs/security.md, "Writes").</summary>
internal static class AtomicFile
{
    private const int BufferBytes = 1 << 16;

    private static readonly bool s_windows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>How long a temporary file that is not locked must have been left alone to be a killed writer's. Windows renames no file that its writer has open, so that there is a moment without a lock.</summary>
    private static readonly TimeSpan s_abandoned = s_windows ? TimeSpan.FromMinutes(1) : TimeSpan.Zero;

    /// <summary>Writes a temporary file beside <paramref name="path"/>, brings it to the disk, and renames it over <paramref name="path"/>.
    /// When anything fails, the old file stays and the temporary one is removed. Those that killed writers of the same file have left are removed, too.</summary>
    /// <param name="path">Target; its folder must exist.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="IOException">The folder is missing, the disk is full or broken, or the target is in use.</exception>
    /// <exception cref="UnauthorizedAccessException">The target may not be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string target = Path.GetFullPath(path);
        DeleteAbandoned(target);
        string temporary = "";
        try
        {
            using (FileStream file = Create(target, out temporary))
            {
                var buffer = new BufferedStream(file, BufferBytes);
                write(buffer);
                buffer.Flush();
                Disk.Sync(file, temporary);
                // While it is locked: nobody must take it for one that was left.
                if (!s_windows) Disk.Rename(temporary, target);
            }

            if (s_windows) Disk.Rename(temporary, target);
        }
        catch
        {
            Temporary.Try(() => Disk.Delete(temporary));
            throw;
        }

        Disk.SyncFolder(Path.GetDirectoryName(target)!);
    }

    /// <summary>Removes what killed writers have left of a file, and of those whose names go on with a point. What lives is locked.</summary>
    /// <param name="path">The file, which need not exist; full.</param>
    public static void DeleteAbandoned(string path) => Temporary.Try(() =>
    {
        foreach (string file in Disk.Files(Path.GetDirectoryName(path)!, $"{Path.GetFileName(path)}.*.tmp"))
        {
            if (Temporary.TargetOf(file) is not null && (s_abandoned == TimeSpan.Zero || DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > s_abandoned))
                Temporary.Try(() => Disk.DeleteUnlocked(file));
        }
    });

    private static FileStream Create(string target, out string temporary)
    {
        for (; ; )
        {
            temporary = Temporary.Beside(target);
            try
            {
                FileStream file = Disk.Create(temporary);
                if (File.Exists(temporary)) return file;
                file.Dispose();
            }
            catch (IOException e) when (!s_windows && e.HResult is 11 or 35)
            {
                // EAGAIN of Linux and of macOS. Like a file that is gone again: between creating and locking, another writer took it for one that was left.
            }
        }
    }
}
