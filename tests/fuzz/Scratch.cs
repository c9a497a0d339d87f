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

    /// <summary>A new file's path, in a folder of its own.</summary>
    public static string File() => Path.Combine(Folder(), "input");
}
