using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;
using Specializer.Ilgpu;

namespace Specializer.Tool;

/// <summary>Looks at a computer as building and drawing see it.</summary>
internal static partial class Examination
{
    /// <summary>The first SDK whose compiler takes the generated code and whose MSBuild loads the task.</summary>
    public static readonly Version LeastSdk = new(10, 0, 100);

    /// <summary>Everything there is to say. Starts <c>dotnet</c> and asks drivers for their devices.</summary>
    public static IReadOnlyList<Observation> OfThisComputer() =>
        [Sdk(InstalledSdks()), Runtime(), Processor(), Memory(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes), .. Gpus(IlgpuContext.Found()), Torch()];

    /// <param name="installed">Versions, as <c>dotnet --list-sdks</c> prints them; null without <c>dotnet</c>.</param>
    internal static Observation Sdk(IReadOnlyList<string>? installed)
    {
        const string Subject = ".NET SDK";
        if (installed is null) return new(Subject, ObservationState.Missing, "There is no command 'dotnet' on the path.", $"Install the .NET SDK {LeastSdk} or later: samplers are compiled by its build.");
        string all = installed.Count == 0 ? "none" : string.Join(", ", installed);
        return installed.Any(v => System.Version.TryParse(v.Split('-')[0], out Version? version) && version >= LeastSdk)
            ? new(Subject, ObservationState.Good, all, "Builds samplers.")
            : new(Subject, ObservationState.Missing, all, $"Install {LeastSdk} or later: earlier ones cannot build samplers.");
    }

    /// <param name="found">Devices and drivers, separated by "; ", as a message of <see cref="IlgpuDevice"/> lists them.</param>
    internal static IEnumerable<Observation> Gpus(string found) => found.Split("; ").Select(f =>
    {
        Match device = Device().Match(f);
        return device.Success
            ? new Observation("GPU", ObservationState.Good, f, $"IlgpuDevice.{(device.Groups[1].Value == "CUDA" ? "Cuda" : "OpenCL")}() of the package Specializer.Ilgpu draws there, with the processor's bits in all integer work.")
            : new Observation("GPU", ObservationState.Absent, f, "Nothing would run there. Drawing and calibrating need no GPU.");
    });

    // "CUDA 0: NVIDIA H100"; what cannot be used says so behind the name.
    [GeneratedRegex(@"^(CUDA|OpenCL) \d+: (?!.*\(not usable)")]
    private static partial Regex Device();

    private static Observation Runtime() =>
        new("runtime", ObservationState.Good, $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}, {RuntimeInformation.RuntimeIdentifier}", "Runs this tool.");

    private static Observation Processor()
    {
        (string Name, bool Here)[] sets = RuntimeInformation.ProcessArchitecture is Architecture.Arm64
            ? [("AdvSimd", AdvSimd.IsSupported), ("dot product", Dp.IsSupported)]
            : [("AVX2", Avx2.IsSupported), ("FMA", Fma.IsSupported), ("AVX-VNNI", AvxVnni.IsSupported), ("AVX-512", Avx512F.IsSupported)];
        string here = string.Join(", ", sets.Where(s => s.Here).Select(s => s.Name)), missing = string.Join(", ", sets.Where(s => !s.Here).Select(s => s.Name));
        using var device = new CpuDevice();
        bool quick = Avx2.IsSupported || AdvSimd.IsSupported;
        return new("processor", ObservationState.Good, $"{device.Name}; has {(here.Length == 0 ? "none of the known instruction sets" : here)}{(missing.Length == 0 ? "" : $", not {missing}")}",
            quick ? "Kernels use what the first part names, and 512 bits only where they are measured to pay; bits are the same on every processor." : "Samplers run, many times slower than with AVX2 or Arm's SIMD; the bits are the same.");
    }

    private static Observation Memory(long bytes) => new("memory", ObservationState.Good, string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:F1} GiB for this process"),
        "A session takes its capacity times BytesPerImage of the sampler's description.");

    private static Observation Torch() => EngineOption.HasTorch
        ? new("libtorch", ObservationState.Good, "This build of the tool has it.", "--engine torchsharp evaluates the FP32 network there.")
        : new("libtorch", ObservationState.Absent, "This build of the tool is without it.", "FP32 networks are evaluated by this project's own kernels. docs/torchsharp.md says how to have it.");

    private static List<string>? InstalledSdks()
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("dotnet", ["--list-sdks"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            // "10.0.100 [/usr/share/dotnet/sdk]"
            return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(l => l.Split(' ')[0])];
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
