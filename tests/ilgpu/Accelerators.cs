using System.Reflection;
using Xunit.Sdk;

namespace Specializer.Ilgpu.Tests;

/// <summary>Kinds of device that tests run on.</summary>
public enum Accelerator
{
    /// <summary>ILGPU's CPU accelerator.</summary>
    Cpu,
    /// <summary>The CUDA kernels' PTX on <see cref="Ptx.PtxMachine"/>.</summary>
    Ptx,
    OpenCL,
    Cuda,
}

/// <summary>Opens devices, and says why one is missing.</summary>
internal static class Accelerators
{
    private static readonly Dictionary<Accelerator, string?> Reasons = Enum.GetValues<Accelerator>().ToDictionary(k => k, Probe);

    public static string? Missing(Accelerator kind) => Reasons[kind];

    public static Device Open(Accelerator kind, bool half = false)
    {
        var options = new IlgpuDeviceOptions { HalfPrecision = half };
        return kind switch
        {
            Accelerator.Cuda => IlgpuDevice.Cuda(options: options),
            Accelerator.OpenCL => IlgpuDevice.OpenCL(options: options),
            Accelerator.Ptx => Ptx.PtxLauncher.Open(options),
            _ => IlgpuDevice.Cpu(options),
        };
    }

    private static string? Probe(Accelerator kind)
    {
        // These are never missing: where one does not open, its tests fail.
        if (kind is Accelerator.Cpu or Accelerator.Ptx) return null;
        try
        {
            Open(kind).Dispose();
            return null;
        }
        catch (Exception e)
        {
            return e.Message;
        }
    }
}

/// <summary>A row of a theory for one kind of device; skipped, with the reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class OnAttribute : DataAttribute
{
    private readonly Accelerator _kind;

    public OnAttribute(Accelerator kind)
    {
        _kind = kind;
        Skip = Accelerators.Missing(kind);
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[_kind]];
}
