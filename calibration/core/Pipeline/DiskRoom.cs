namespace Specializer.Calibration;

/// <summary>Says before the work when a disk has no room for what it will write.</summary>
internal static class DiskRoom
{
    /// <param name="target">What is to be written, for the message.</param>
    /// <param name="folder">A folder of the disk, which is there.</param>
    /// <param name="bytes">To be written.</param>
    /// <exception cref="IOException">There is less.</exception>
    public static void Require(string target, string folder, long bytes)
    {
        long free;
        try
        {
            free = new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (ArgumentException)
        {
            // A share of another machine has no drive to ask.
            return;
        }

        if (free < bytes) throw new IOException(FormattableString.Invariant($"{target}: {bytes:N0} bytes are to be written, and the disk has room for {free:N0}. Free {bytes - free:N0} bytes, or name a folder on another disk."));
    }
}
