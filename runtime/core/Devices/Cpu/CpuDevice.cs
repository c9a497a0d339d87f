using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Specializer.Kernels;
using Specializer.Numerics;
using Specializer.Threading;

namespace Specializer;

/// <summary>Runs samplers on this computer's processor. Results do not depend on the number of threads, the batch or the
/// instruction set (docs/arithmetic.md). Sessions of one device share its threads; their operations take turns.</summary>
public sealed class CpuDevice : Device
{
    private readonly WorkerPool _pool;
    private readonly bool _wide;

    /// <summary>Starts the device's threads.</summary>
    /// <param name="threads">Threads that compute, the caller's included; 0 takes one per processor.</param>
    /// <exception cref="ArgumentOutOfRangeException">Less than 0 or more than 1024.</exception>
    public CpuDevice(int threads = 0)
        : this(threads, WideVectors.Pay)
    {
    }

    /// <param name="threads">As above.</param>
    /// <param name="wide">Whether tiles of 512 bits multiply: right on any processor, quick where they pay.</param>
    internal CpuDevice(int threads, bool wide)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 1024);
        Threads = threads == 0 ? Environment.ProcessorCount : threads;
        _pool = new WorkerPool(Threads);
        _wide = wide;
    }

    /// <summary>Threads that compute, the caller's included.</summary>
    public int Threads { get; }

    /// <inheritdoc/>
    public override string Name => $"CPU, {Threads} {(Threads == 1 ? "thread" : "threads")}, {InstructionSet}";

    private string InstructionSet =>
        _wide ? "AVX-512" : VnniDot.IsSupported ? "AVX-VNNI" : Avx2.IsSupported ? "AVX2" : ArmDot.IsSupported ? "Arm dot product" : Vector128.IsHardwareAccelerated ? "128-bit SIMD" : "no SIMD";

    internal override DeviceWeights Upload(PackedWeights weights) => new CpuWeights(weights);

    internal override Execution CreateExecution(DeviceWeights weights, long arenaBytesPerImage, Activation vectors, int capacity)
    {
        if (weights is not CpuWeights cpu)
            throw new ArgumentException($"The weights were uploaded to another device ({weights.GetType().Name}); upload them to this one.", nameof(weights));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        if (arenaBytesPerImage <= 0 || arenaBytesPerImage % 64 != 0)
            throw new ArgumentOutOfRangeException(nameof(arenaBytesPerImage), arenaBytesPerImage, "The arena of an image is a positive multiple of 64 bytes.");
        return new CpuExecution(_pool, _wide, cpu, arenaBytesPerImage, vectors, capacity);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _pool.Dispose();
}
