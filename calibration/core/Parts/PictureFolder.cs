using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>Pictures to calibrate with: the PNG files of a folder.</summary>
public static class PictureFolder
{
    private const int Most = 4096;

    /// <summary>Reads all of them, in the order of their names.</summary>
    /// <param name="folder">Holds files <c>*.png</c>.</param>
    /// <exception cref="InvalidDataException">It holds none, or more than 4,096, or one of them is no PNG that can be read.</exception>
    /// <exception cref="IOException">The folder is missing, or a file unreadable.</exception>
    public static IReadOnlyList<PngPicture> Read(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"{folder}: the folder does not exist.");
        string[] files = [.. Disk.Files(folder, "*.png").Order(StringComparer.Ordinal)];
        return files.Length is > 0 and <= Most ? [.. files.Select(PngReader.Read)]
            : throw new InvalidDataException($"{folder}: holds {files.Length} PNG files. Put 1 to {Most} pictures there, as large as what the model draws.");
    }
}
