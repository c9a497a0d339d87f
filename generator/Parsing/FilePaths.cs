namespace Specializer.Generator.Parsing;

/// <summary>Paths as the compiler gives them, in messages and names.</summary>
internal static class FilePaths
{
    private static readonly char[] s_separators = ['/', '\\'];

    /// <summary>The last part of a path.</summary>
    public static string Name(string path) => path.Substring(path.LastIndexOfAny(s_separators) + 1);

    /// <summary>As few of a path's last parts as tell it from another path.</summary>
    public static string Distinguish(string path, string other)
    {
        string[] parts = path.Split(s_separators), others = other.Split(s_separators);
        int shared = 0;
        while (shared < Math.Min(parts.Length, others.Length) - 1 && parts[parts.Length - 1 - shared] == others[others.Length - 1 - shared]) shared++;
        return string.Join("/", parts.Skip(parts.Length - 1 - shared));
    }
}
