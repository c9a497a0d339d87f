using System.Text.RegularExpressions;
using Specializer.Tests;

namespace Specializer.Runtime.Tests.Formats;

public sealed partial class DiskTests
{
    /// <summary>A second place would be one that no fault is injected into, and that no rule of docs/security.md holds for.</summary>
    [Fact]
    public void ProductCodeTouchesFilesInOnePlace()
    {
        string root = SharedData.RepositoryRoot;
        string[] folders = ["artifact", "calibration", "generator", "runtime/core", "runtime/ilgpu", "serving", "tasks"];
        string[] sources = [.. folders.SelectMany(f => Directory.GetFiles(Path.Combine(root, f), "*.cs", SearchOption.AllDirectories))
            .Where(f => !f.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin" or "Files" or "templates"))];
        Assert.True(sources.Length > 300);
        string[] others = [.. sources.SelectMany(f => File.ReadLines(f).Select((line, i) => (Line: line, Place: $"{Path.GetRelativePath(root, f)}:{i + 1}")))
            .Where(l => Touches().IsMatch(l.Line) && !l.Line.TrimStart().StartsWith("//", StringComparison.Ordinal)).Select(l => $"{l.Place}: {l.Line.Trim()}")];
        Assert.Empty(others);
    }

    // Questions are free: whether something exists, when an open file was written, where a link leads.
    [GeneratedRegex(@"(?<![\w.])(System\.IO\.)?(File|Directory)\.(?!Exists\b|GetLastWriteTimeUtc\b)[A-Z]\w*\(|new (FileStream|StreamReader|StreamWriter)\((?!to, leaveOpen|stream\))|FileMode\.|RandomAccess\.(Read|Write)|MemoryMappedFile\.Create|FromFile\(|\.(OpenRead|OpenWrite|CreateText|AppendText)\(")]
    private static partial Regex Touches();
}
