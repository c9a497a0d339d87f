using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>A disk in memory that one process sees.</summary>
internal static class SmallDisk
{
    /// <summary>Where the process sees it, below its folder.</summary>
    public const string Place = "disk";

    /// <summary>What was on it when the process ended, below its folder.</summary>
    public const string Kept = "kept";

    // What is mounted goes with the process, so that what is on it is copied before.
    private const string Script = """mount -t tmpfs -o "$1" none disk || exit 77; shift; "$@"; code=$?; cp -r disk/. kept; exit $code""";

    /// <summary>Runs a program to its end.</summary>
    /// <param name="folder">Current folder.</param>
    /// <param name="options">Of the disk: <c>size=8k</c>, <c>ro</c>.</param>
    /// <param name="command">The program and its arguments.</param>
    public static CommandResult Run(string folder, string options, params string[] command)
    {
        foreach (string place in new[] { Place, Kept }) Directory.CreateDirectory(Path.Combine(folder, place));
        return CommandResult.Run(folder, "unshare", ["--map-root-user", "--mount", "sh", "-c", Script, "sh", options, .. command]);
    }
}
