using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Xunit.Sdk;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>What the assembler says of a kernel.</summary>
/// <param name="Registers">Of a thread.</param>
/// <param name="StackBytes">Of a thread, local memory.</param>
/// <param name="SpilledBytes">Stored and loaded by a thread for lack of registers.</param>
/// <param name="SharedBytes">Of a group, static.</param>
internal sealed partial record AssembledKernel(int Registers, int StackBytes, int SpilledBytes, int SharedBytes)
{
    /// <summary>Reads what <c>ptxas -v</c> prints for one function.</summary>
    /// <exception cref="FormatException">It is not that.</exception>
    public static AssembledKernel Parse(string log)
    {
        if (Memory().Matches(log) is not [var memory] || Used().Matches(log) is not [var registers]) throw new FormatException($"Not the figures of one kernel:\n{log}");
        return new(Number(registers, 1), Number(memory, 1), Number(memory, 2) + Number(memory, 3), Number(Shared().Match(log), 1));
    }

    private static int Number(Match match, int group) => match.Success ? int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")]
    private static partial Regex Memory();

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex Used();

    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex Shared();
}

/// <summary>NVIDIA's assembler, where one is installed. It needs no GPU.</summary>
internal static partial class Assembler
{
    private static readonly string Name = OperatingSystem.IsWindows() ? "ptxas.exe" : "ptxas";

    private static readonly string? Program = Folders().Select(folder => Path.Combine(folder, Name)).FirstOrDefault(File.Exists);

    /// <summary>Its help text names the architectures it knows.</summary>
    private static readonly Lazy<(string Version, string Help)> About = new(() => (Run("", "--version").Output, Run("", "--help").Output));

    /// <summary>Why it cannot assemble PTX 8.0 for an architecture, or null.</summary>
    public static string? Missing(string architecture)
    {
        if (Program == null) return "ptxas is neither on PATH nor in the folder bin of CUDA_HOME or CUDA_PATH.";
        (string version, string help) = About.Value;
        if (Release().Match(version) is not { Success: true } release || int.Parse(release.Groups[1].Value, CultureInfo.InvariantCulture) < 12)
            return $"{Program} is older than CUDA 12.0, from which on there is PTX 8.0.";
        return help.Contains($"'{architecture}'", StringComparison.Ordinal) ? null : $"{Program} (CUDA {release.Groups[1]}.{release.Groups[2]}) does not assemble for {architecture}.";
    }

    /// <exception cref="InvalidOperationException">It was refused.</exception>
    public static AssembledKernel Assemble(string ptx, string architecture, params string[] options)
    {
        string binary = Path.GetTempFileName();
        try
        {
            (int code, string output) = Run(ptx, ["-v", "-arch", architecture, .. options, "-o", binary, "-"]);
            return code == 0 ? AssembledKernel.Parse(output) : throw new InvalidOperationException($"ptxas ended with {code}:\n{output}");
        }
        finally
        {
            File.Delete(binary);
        }
    }

    private static IEnumerable<string> Folders()
    {
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)) yield return folder;
        foreach (string variable in (string[])["CUDA_HOME", "CUDA_PATH"])
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } root) yield return Path.Combine(root, "bin");
    }

    private static (int Code, string Output) Run(string input, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(Program!, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return (process.ExitCode, output.Result + errors.Result);
    }

    [GeneratedRegex(@"release (\d+)\.(\d+)")]
    private static partial Regex Release();
}

/// <summary>A row of a theory for one architecture; skipped, with the reason, where no assembler knows it.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class AssembledForAttribute : DataAttribute
{
    private readonly string _architecture;

    public AssembledForAttribute(string architecture)
    {
        _architecture = architecture;
        Skip = Assembler.Missing(architecture);
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[_architecture]];
}
