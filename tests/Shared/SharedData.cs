using System.Reflection;

namespace Specializer.Tests;

/// <summary>Reference data beside the repository, in <c>../shared</c>: too large to be part of it. Tests that need it are skipped where it is missing.</summary>
internal static class SharedData
{
    /// <summary>The repository's root, as it was when the tests were built.</summary>
    public static string RepositoryRoot { get; } = typeof(SharedData).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "RepositoryRoot").Value!;

    /// <summary>The folder of shared data; need not exist.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(RepositoryRoot, "..", "shared"));

    /// <summary>The MNIST model in diffusers layout.</summary>
    public static string Model { get; } = Path.Combine(Root, "models", "mnist-ddpm");

    /// <summary>The MNIST test set and a classifier for it.</summary>
    public static string Mnist { get; } = Path.Combine(Root, "data", "mnist");

    /// <summary>A folder of reference outputs.</summary>
    public static string Golden(string folder) => Path.Combine(Root, "golden", folder);

    /// <summary>Why a test that needs these paths (relative to the shared folder) cannot run, or null.</summary>
    public static string? Missing(IEnumerable<string> required)
    {
        string[] missing = [.. required.Where(p => !Path.Exists(Path.Combine(Root, p)))];
        return missing.Length == 0 ? null : $"Reference data is missing beside the repository: shared/{string.Join(", shared/", missing)}";
    }
}

/// <summary>A fact that needs shared data; skipped, with the reason, where it is missing.</summary>
internal sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute(params string[] required) => Skip = SharedData.Missing(required);
}

/// <summary>A theory that needs shared data; skipped, with the reason, where it is missing.</summary>
internal sealed class SharedTheoryAttribute : TheoryAttribute
{
    public SharedTheoryAttribute(params string[] required) => Skip = SharedData.Missing(required);
}
