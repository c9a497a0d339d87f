using Specializer.Tests;

namespace Specializer.Packages.Tests;

/// <summary>The solution packed twice, from two copies of its sources that were never built.</summary>
[CollectionDefinition(nameof(PackedSolution))]
public sealed class PackedSolution : ICollectionFixture<PackedSolution>, IDisposable
{
    private static readonly string[] s_made = ["bin", "obj", ".git", ".vs", ".idea", "TestResults", "feed", "artifacts", "out", "BenchmarkDotNet.Artifacts"];
    private readonly TemporaryFolder _folder = new();

    public PackedSolution()
    {
        Feeds = [.. new[] { "first", "the second" }.Select(name =>
        {
            string root = _folder.File(name);
            Copy(new(SharedData.RepositoryRoot), root);
            CommandResult.Run(root, "dotnet", ["pack", "-nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false"]).AssertSucceeded();
            return Path.Combine(root, "feed");
        })];
    }

    /// <summary>Where each copy's packages lie.</summary>
    internal IReadOnlyList<string> Feeds { get; }

    /// <summary>A folder that no path in a package may name.</summary>
    internal string Root => _folder.Root;

    public void Dispose() => _folder.Dispose();

    private static void Copy(DirectoryInfo from, string to)
    {
        Directory.CreateDirectory(to);
        // A worktree's .git is a file.
        foreach (FileInfo file in from.EnumerateFiles().Where(f => f.Name != ".git")) file.CopyTo(Path.Combine(to, file.Name));
        foreach (DirectoryInfo folder in from.EnumerateDirectories().Where(d => !s_made.Contains(d.Name))) Copy(folder, Path.Combine(to, folder.Name));
    }
}
