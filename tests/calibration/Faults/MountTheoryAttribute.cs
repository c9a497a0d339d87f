namespace Specializer.Calibration.Tests;

/// <summary>A theory that mounts a disk of its own where nobody else sees it; skipped where the system allows no such thing.</summary>
internal sealed class MountTheoryAttribute : TheoryAttribute
{
    private static readonly Lazy<string?> s_obstacle = new(() =>
    {
        if (!OperatingSystem.IsLinux()) return "Needs Linux, whose processes may mount disks that others do not see.";
        using var folder = new Specializer.Tests.TemporaryFolder();
        return SmallDisk.Run(folder.Root, "size=4k", "true").ExitCode == 0 ? null : "This system lets no process mount a disk of its own (unshare, mount).";
    });

    public MountTheoryAttribute() => Skip = s_obstacle.Value;
}
