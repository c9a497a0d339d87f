namespace Specializer.Tests;

/// <summary>What this process has open: on Windows nobody else could replace or remove it.</summary>
internal static class OpenFiles
{
    private const string Descriptors = "/proc/self/fd";

    /// <summary>Files below some folders, or the files themselves; none where the system does not list them.</summary>
    public static string[] Of(params string[] paths) => !Directory.Exists(Descriptors) ? []
        : [.. Directory.GetFiles(Descriptors).Select(d => new FileInfo(d).LinkTarget).OfType<string>().Where(file => paths.Any(p => file.StartsWith(p, StringComparison.Ordinal)))];
}
