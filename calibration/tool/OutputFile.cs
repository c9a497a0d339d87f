using Specializer.Formats;

namespace Specializer.Tool;

/// <summary>A file that a command will write.</summary>
internal static class OutputFile
{
    /// <summary>Makes the file's folder: minutes of work must not end at a missing one, at one that takes no files, nor at a folder that has the file's name.</summary>
    /// <exception cref="IOException">The folder cannot be made or takes no file, or the path names one.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be made.</exception>
    public static void Prepare(FileInfo file)
    {
        if (Directory.Exists(file.FullName)) throw new IOException($"{file.FullName}: is a folder. Name a file to write.");
        Disk.CreateFolder(file.DirectoryName!);
        try
        {
            // Files are written beside their place first and renamed, so it is the folder that must take new ones.
            Disk.Lock(Path.Combine(file.DirectoryName!, Path.GetRandomFileName())).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{file.FullName}: cannot be written, as its folder takes no new file. Name another, or see to its permissions and to the room on its disk.", e);
        }
    }
}
