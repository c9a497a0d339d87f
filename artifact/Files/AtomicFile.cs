namespace Specializer.Formats;

/// <summary>The one place that writes files, in libraries, tool and build task: a reader finds the old content or the new one, never a part of it (docs/security.md, "Writes").</summary>
internal static class AtomicFile
{
    /// <summary>A temporary file that nobody has locked or written to for so long belongs to a writer that was killed. The lock alone does not tell: between creating and locking, and between closing and renaming, there is none.</summary>
    private static readonly TimeSpan Abandoned = TimeSpan.FromMinutes(1);

    /// <summary>Writes a temporary file beside <paramref name="path"/>, flushes it to the disk, and renames it over <paramref name="path"/>.
    /// When anything fails, the old file stays and the temporary one is removed. Those that killed writers of the same file have left are removed, too.</summary>
    /// <param name="path">Target; its folder must exist.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="IOException">The folder is missing, the disk is full, or the target is in use.</exception>
    /// <exception cref="UnauthorizedAccessException">The target may not be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string target = Path.GetFullPath(path), temporary = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                DeleteAbandoned(target);
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            Replace(temporary, target);
        }
        catch
        {
            Try(() => File.Delete(temporary));
            throw;
        }
    }

    private static void Replace(string temporary, string target)
    {
#if NETSTANDARD2_0
        try
        {
            File.Move(temporary, target);
        }
        catch (IOException) when (File.Exists(target))
        {
            File.Replace(temporary, target, null);
        }
#else
        File.Move(temporary, target, overwrite: true);
#endif
    }

    private static void DeleteAbandoned(string target) => Try(() =>
    {
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(target)!, $"{Path.GetFileName(target)}.*.tmp"))
        {
            if (IsTemporary(file, target) && DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > Abandoned)
                Try(() => new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose());
        }
    });

    // The pattern alone would also match files of people.
    private static bool IsTemporary(string file, string target)
    {
        string name = Path.GetFileNameWithoutExtension(file);
        return Guid.TryParseExact(name.Substring(Path.GetFileName(target).Length + 1), "N", out _);
    }

    /// <summary>Tidying up, whose failure is not worth reporting: what brought us here is.</summary>
    private static void Try(Action tidy)
    {
        try
        {
            tidy();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
