using System.Globalization;

namespace Specializer.Benchmarks.Measurement;

/// <summary>The most memory that this process had at a time since it began to count: what lay in it then, .NET's own included, as Linux says it.</summary>
internal static class PeakMemory
{
    private const string Status = "/proc/self/status", Clear = "/proc/self/clear_refs";

    /// <summary>Frees what nobody needs and begins to count.</summary>
    /// <returns>False where the system cannot.</returns>
    public static bool Begin()
    {
        if (!File.Exists(Clear)) return false;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        // proc(5): 5 resets the peak to what is in memory now.
        File.WriteAllText(Clear, "5");
        return true;
    }

    /// <summary>Bytes since then.</summary>
    public static long Bytes => 1024 * long.Parse(File.ReadLines(Status).Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
