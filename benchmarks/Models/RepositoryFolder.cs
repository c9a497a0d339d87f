namespace Specializer.Benchmarks.Models;

/// <summary>Finds folders of the repository from wherever the benchmarks were started or built to.</summary>
internal static class RepositoryFolder
{
    /// <exception cref="DirectoryNotFoundException">No enclosing folder holds it.</exception>
    public static string Find(string relative)
    {
        foreach (string start in (string[])[Environment.CurrentDirectory, AppContext.BaseDirectory])
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                string path = Path.Combine(folder.FullName, relative);
                if (Directory.Exists(path)) return path;
            }
        }

        throw new DirectoryNotFoundException($"'{relative}' was found neither above the current folder nor above the program. Run the benchmarks inside the repository.");
    }
}
