using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>Says before the work when a disk has no room for what it will write.</summary>
internal static class DiskRoom
{
    private static readonly AsyncLocal<long?> s_pretended = new();

    /// <summary>Bytes that any disk is taken to have room for, in this flow of control. Null but in tests.</summary>
    public static long? Pretended
    {
        get => s_pretended.Value;
        set => s_pretended.Value = value;
    }

    /// <param name="target">What is to be written, for the message.</param>
    /// <param name="folder">Where; it need not be there yet.</param>
    /// <param name="bytes">To be written.</param>
    /// <exception cref="IOException">There is less.</exception>
    public static void Require(string target, string folder, long bytes)
    {
        if (TooLittle(folder, bytes) is { } free)
            throw new IOException(FormattableString.Invariant($"{MessageText.Harmless(target)}: {bytes:N0} bytes are to be written, and the disk has room for {free:N0}. Free {bytes - free:N0} bytes, or name a folder on another disk."));
    }

    /// <summary>The bytes that the disk of a folder has room for, where they are too few; null where they are enough, or the disk does not say.</summary>
    /// <param name="folder">Where; it need not be there yet.</param>
    /// <param name="bytes">To be written.</param>
    public static long? TooLittle(string folder, long bytes) => (Pretended ?? Free(Path.GetFullPath(folder))) is { } free && free < bytes ? free : null;

    private static long? Free(string folder)
    {
        // A folder may be a disk of its own: it is asked, or the first above it that is there, and not the root.
        while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } above) folder = above;
        try
        {
            var disk = new DriveInfo(folder);
            // One without a size, as those in memory or in programs may be, has room for 0 of 0.
            return disk.TotalSize == 0 ? null : disk.AvailableFreeSpace;
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            // A share of another machine has no drive to ask. What else is wrong shows when something is written.
            return null;
        }
    }
}
