namespace Specializer.Ilgpu;

/// <summary>How a GPU computes.</summary>
public sealed record IlgpuDeviceOptions
{
    /// <summary>FP32 convolutions, linear layers and attention round their operands to FP16 and add in FP32: on tensor cores from SM 8.0 on. Integer
    /// operations and everything else stay as they are. docs/gpu.md bounds the difference. Off by default.</summary>
    public bool HalfPrecision { get; init; }
}
