namespace Specializer.Calibration;

/// <summary>Collects what a calibration has dropped, before the collector would.</summary>
/// <remarks>Tensors, H and R of a layer and copies of maps are arrays of megabytes that live for one operation. The collector lets such garbage grow with what is held, to as much again, and a budget (<c>--memory</c>) counts only what is held.</remarks>
internal static class Garbage
{
    // Of the 512 MB that a plan has for the program and its garbage, half. Marking is quick, for nothing large holds references.
    private const long Growth = 256L << 20;

    // So much of it is made room for in any case: what is dropped may have been held when the heap was smallest.
    private const long Large = 64L << 20;

    private static long s_least;

    /// <summary>Collects where the heap has grown by 256 MB since it was smallest after a collection, or where as much as 64 MB are to be made. Nothing is moved.</summary>
    /// <param name="room">Bytes that will be made next.</param>
    public static void Collect(long room = 0)
    {
        long held = GC.GetTotalMemory(forceFullCollection: false);
        if (held - Interlocked.Read(ref s_least) < Growth && room < Large)
        {
            if (held < Interlocked.Read(ref s_least)) Interlocked.Exchange(ref s_least, held);
            return;
        }

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: false);
        Interlocked.Exchange(ref s_least, GC.GetTotalMemory(forceFullCollection: false));
    }
}
