using System.Text.RegularExpressions;
using Specializer.Tests;

namespace Specializer.Runtime.Tests.Formats;

public sealed partial class DiskTests
{
    /// <summary>A second place would be one that no fault is injected into, and that no rule of docs/security.md holds for.</summary>
    [Fact]
    public void ProductCodeTouchesFilesInOnePlace()
    {
        string[] sources = [.. Sources().Where(f => !f.StartsWith("artifact/Files/", StringComparison.Ordinal))];
        Assert.True(sources.Length > 300);
        string[] others = [.. sources.SelectMany(f => File.ReadLines(Path.Combine(SharedData.RepositoryRoot, f)).Select((line, i) => (Line: line, Place: $"{f}:{i + 1}")))
            .Where(l => Touches().IsMatch(l.Line) && !l.Line.TrimStart().StartsWith("//", StringComparison.Ordinal)).Select(l => $"{l.Place}: {l.Line.Trim()}")];
        Assert.Empty(others);
    }

    /// <summary>Who asks for the time of day meets a clock that jumps: on Windows what looks for abandoned files, and what tells people how long a picture took. The cluster's leases have tests of their own.</summary>
    [Fact]
    public void The_time_of_day_is_asked_for_in_few_places() => Assert.Equal(
        ["artifact/Files/AtomicFile.cs", "serving/ai/StepTrace.cs"],
        Sources().Where(f => !f.Split('/').Contains("cluster") && File.ReadLines(Path.Combine(SharedData.RepositoryRoot, f)).Any(l => Asks().IsMatch(l))));

    // Questions are free: whether something exists, when an open file was written, where a link leads.
    [GeneratedRegex(@"(?<![\w.])(System\.IO\.)?(File|Directory)\.(?!Exists\b|GetLastWriteTimeUtc\b)[A-Z]\w*\(|new (FileStream|StreamReader|StreamWriter)\((?!to, leaveOpen|stream\))|FileMode\.|RandomAccess\.(Read|Write)|MemoryMappedFile\.Create|FromFile\(|\.(OpenRead|OpenWrite|CreateText|AppendText)\(")]
    private static partial Regex Touches();

    [GeneratedRegex(@"\b(DateTime|DateTimeOffset)\.(Utc)?(Now|Today)\b|TimeProvider\.System|\bTickCount\b")]
    private static partial Regex Asks();

    /// <summary>The sources of what is published, by their paths in the repository.</summary>
    private static string[] Sources()
    {
        string root = SharedData.RepositoryRoot;
        string[] folders = ["artifact", "calibration", "generator", "runtime/core", "runtime/ilgpu", "serving", "tasks"];
        return [.. folders.SelectMany(f => Directory.GetFiles(Path.Combine(root, f), "*.cs", SearchOption.AllDirectories)).Select(f => Path.GetRelativePath(root, f).Replace('\\', '/'))
            .Where(f => !f.Split('/').Any(part => part is "obj" or "bin" or "templates")).Order(StringComparer.Ordinal)];
    }
}
