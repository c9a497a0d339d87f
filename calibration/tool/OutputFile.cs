namespace Specializer.Tool;

/// <summary>A file that a command will write.</summary>
internal static class OutputFile
{
    /// <summary>Makes the file's folder: minutes of work must not end at a missing one, nor at a folder that has the file's name.</summary>
    /// <exception cref="IOException">The folder cannot be made, or the path names one.</exception>
    public static void Prepare(FileInfo file)
    {
        if (Directory.Exists(file.FullName)) throw new IOException($"{file.FullName}: is a folder. Name a file to write.");
        file.Directory!.Create();
    }
}
