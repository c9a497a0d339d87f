using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>The one writer of whole folders: filled beside its place, then renamed.</summary>
internal static class AtomicFolder
{
    /// <summary>Fills a new folder. When anything fails, nothing is left; what killed writers of the same folder have left is removed.</summary>
    /// <param name="folder">Full path without a separator at its end; must not exist, or be empty. The folder above must exist.</param>
    /// <param name="fill">Receives the folder to write to.</param>
    /// <exception cref="IOException">Another one writes the same folder, the folder has something in it, or something cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder above may not be written.</exception>
    public static void Write(string folder, Action<string> fill)
    {
        using IDisposable turn = Turn(folder, $"{folder}.lock");
        string parent = Path.GetDirectoryName(folder)!, temporary = Temporary.Beside(folder);
        foreach (string left in Disk.Folders(parent, $"{Path.GetFileName(folder)}.*.tmp"))
        {
            if (Temporary.TargetOf(left) == folder) Temporary.Try(() => Disk.DeleteFolder(left, recursive: true));
        }

        try
        {
            Disk.CreateFolder(temporary);
            fill(temporary);
            if (Directory.Exists(folder)) Disk.DeleteFolder(folder, recursive: false);
            Disk.RenameFolder(temporary, folder);
        }
        catch
        {
            if (Directory.Exists(temporary)) Temporary.Try(() => Disk.DeleteFolder(temporary, recursive: true));
            throw;
        }

        Disk.SyncFolder(parent);
    }

    private static IDisposable Turn(string folder, string path)
    {
        try
        {
            return Disk.Lock(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The lock's own name would mean nothing to whoever named the folder.
            throw new IOException(
                File.Exists(path) ? $"{MessageText.Harmless(folder)}: another command writes this folder now. Wait for it, or name another."
                    : $"{MessageText.Harmless(folder)}: cannot be written, as the folder above takes nothing new. Name another, or see to its permissions and to the room on its disk.", e);
        }
    }
}
