using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Specializer.Benchmarks.Measurement;

/// <summary>What figures were measured on. No names of hosts or users.</summary>
/// <param name="Processor">As the processor calls itself.</param>
/// <param name="Cores">Logical processors that the process may use.</param>
/// <param name="Instructions">Vector instruction sets that .NET offers here, and those that only native code can use.</param>
/// <param name="System">Operating system.</param>
/// <param name="Runtime">.NET version.</param>
internal sealed record Machine(string Processor, int Cores, string Instructions, string System, string Runtime)
{
    public static Machine This { get; } = new(ProcessorName(), Environment.ProcessorCount, InstructionSets(), SystemName(), RuntimeInformation.FrameworkDescription);

    public override string ToString() => $"{Processor}, {Cores} logical processors; {Instructions}; {System}; {Runtime}";

    private static string ProcessorName() => ProcessorInformation("model name") ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string InstructionSets()
    {
        // .NET has no form of the last two.
        (string Name, string Flag, bool Managed)[] sets =
        [
            ("AVX2", "avx2", Avx2.IsSupported), ("FMA", "fma", Fma.IsSupported), ("AVX-512 BW", "avx512bw", Avx512BW.IsSupported), ("AVX-VNNI", "avx_vnni", AvxVnni.IsSupported),
            ("AVX-512 VNNI", "avx512_vnni", false), ("AMX-INT8", "amx_int8", false),
        ];
        string[] flags = ProcessorInformation("flags")?.Split(' ') ?? [];
        string managed = string.Join(", ", sets.Where(set => set.Managed).Select(set => set.Name).DefaultIfEmpty("no vector instruction set of x86"));
        string native = string.Join(", ", sets.Where(set => !set.Managed && flags.Contains(set.Flag)).Select(set => set.Name));
        return native.Length == 0 ? managed : $"{managed} (native code also {native})";
    }

    private static string SystemName() => OperatingSystem.IsLinux() ? "Linux" : OperatingSystem.IsMacOS() ? "macOS" : OperatingSystem.IsWindows() ? "Windows" : RuntimeInformation.OSDescription;

    private static string? ProcessorInformation(string key)
    {
        const string file = "/proc/cpuinfo";
        return !File.Exists(file) ? null : File.ReadLines(file).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();
    }
}
