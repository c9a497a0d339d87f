using Microsoft.Win32.SafeHandles;

namespace Specializer.Fuzz;

/// <summary>Where targets write the files that they read: in memory, where the system has such a place.</summary>
internal static class Scratch
{
    private const string Memory = "/dev/shm";

    /// <summary>A new folder.</summary>
    public static string Folder()
    {
        if (!Directory.Exists(Memory)) return Directory.CreateTempSubdirectory("specializer-fuzz-").FullName;
        return Directory.CreateDirectory(Path.Combine(Memory, $"specializer-fuzz-{Guid.NewGuid():N}")).FullName;
    }
}

/// <summary>A file that is written again and again, in a folder of its own; it stays open, for opening takes longer than writing.</summary>
internal sealed class ScratchFile : IDisposable
{
    private readonly SafeFileHandle _file;

    /// <param name="name">Without folder.</param>
    public ScratchFile(string name)
    {
        FullName = Path.Combine(Scratch.Folder(), name);
        _file = File.OpenHandle(FullName, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite);
    }

    public string FullName { get; }

    /// <summary>Makes this the file's content.</summary>
    public void Write(ReadOnlySpan<byte> content)
    {
        RandomAccess.SetLength(_file, content.Length);
        RandomAccess.Write(_file, content, 0);
    }

    public void Dispose()
    {
        _file.Dispose();
        Directory.Delete(Path.GetDirectoryName(FullName)!, recursive: true);
    }
}
