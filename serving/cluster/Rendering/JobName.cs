namespace Specializer.Cluster;

/// <summary>Names of jobs: they become names of folders and of grains.</summary>
internal static class JobName
{
    private const int MostCharacters = 64;

    private static readonly System.Buffers.SearchValues<char> s_allowed = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <exception cref="ArgumentException">It is none.</exception>
    public static void Check(string? name)
    {
        if (string.IsNullOrEmpty(name) || name.Length > MostCharacters || name[0] == '-' || name.AsSpan().IndexOfAnyExcept(s_allowed) >= 0)
            throw new ArgumentException($"'{(name?.Length > MostCharacters ? name[..MostCharacters] + "…" : name)}' is no name of a job: 1 to {MostCharacters} of a to z, 0 to 9 and '-', the first no '-'.");
    }
}
