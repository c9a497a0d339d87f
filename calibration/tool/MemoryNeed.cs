using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Tool;

/// <summary>What a command's work takes of memory: said before it where this computer has less, and again where memory then runs out.</summary>
internal static class MemoryNeed
{
    // Of the command that runs.
    private static readonly AsyncLocal<string?> s_said = new();

    /// <summary>What was said last; null for nothing.</summary>
    public static string? Said => s_said.Value;

    /// <summary>Says it.</summary>
    /// <param name="work">What needs it: "calibration".</param>
    /// <param name="bytes">As predicted.</param>
    /// <param name="remedy">What takes less: a sentence.</param>
    public static void Say(string work, long bytes, string remedy)
    {
        string need = Need(work, bytes);
        // Of parts that are alike one line is enough.
        if (need == Said) return;
        s_said.Value = need;
        if (Warning(work, bytes, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, remedy) is { } warning) Console.Error.WriteLine(warning);
    }

    /// <summary>What to expect where this computer has less; null where it has enough. It is no error: a system may page, and not all of the prediction need come.</summary>
    /// <param name="work">What needs it.</param>
    /// <param name="bytes">As predicted.</param>
    /// <param name="there">Bytes that this computer, or the container that the process is in, gives to it.</param>
    /// <param name="remedy">What takes less.</param>
    internal static string? Warning(string work, long bytes, long there, string remedy) => bytes <= there ? null : string.Create(CultureInfo.InvariantCulture,
        $"warning: {Need(work, bytes)}, and this computer has {there / 1e9:F1} GB for it. The system may slow it down or end it: {remedy}");

    private static string Need(string work, long bytes) => string.Create(CultureInfo.InvariantCulture, $"the {work} needs up to {MemoryPlan.Gigabytes(bytes):F1} GB of memory");
}
