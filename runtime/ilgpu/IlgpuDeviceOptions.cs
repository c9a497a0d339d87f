namespace Specializer.Ilgpu;

/// <summary>How a GPU computes.</summary>
public sealed record IlgpuDeviceOptions
{
    /// <summary>FP32 convolutions, linear layers and attention round their operands to FP16 and add in FP32: on tensor cores from SM 8.0 on. Integer
    /// operations and everything else stay as they are. docs/gpu.md bounds the difference. Off by default.</summary>
    public bool HalfPrecision { get; init; }

    /// <summary>CUDA only: the launches of a denoising step that repeats from run to run are captured as a CUDA graph and queued with one call. The bits are the
    /// same; a session takes more memory on the device. Off by default, because it has not run on a device yet (docs/gpu.md).</summary>
    public bool StepGraphs { get; init; }
}
