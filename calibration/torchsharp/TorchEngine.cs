using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>Runs the imported FP32 network on libtorch, and learns its quantization by automatic differentiation.</summary>
/// <remarks>Agrees with <see cref="InterpreterEngine"/> within FP32 rounding, not bit by bit: libtorch chooses its order of summation by machine.</remarks>
public sealed class TorchEngine : ReferenceEngine
{
    private const string Library = "LibTorchSharp";

    /// <param name="cuda">On the first CUDA device; else on the CPU.</param>
    /// <param name="threads">CPU threads; 0 for libtorch's choice.</param>
    /// <exception cref="NotSupportedException">libtorch cannot be loaded, or has no CUDA device.</exception>
    public TorchEngine(bool cuda = false, int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        if (Missing(cuda) is { } reason) throw new NotSupportedException(reason);
        if (threads > 0) set_num_threads(threads);
        // A convolution in TF32 has an error of 1e-3: not a reference.
        if (cuda) (backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32) = (false, false);
        Device = cuda ? CUDA : CPU;
    }

    /// <inheritdoc/>
    public override string Name => Device.type == DeviceType.CUDA ? "torchsharp-cuda" : "torchsharp";

    internal torch.Device Device { get; }

    /// <summary>Why this engine cannot run here, or null.</summary>
    /// <param name="cuda">On a CUDA device.</param>
    public static string? Missing(bool cuda = false)
    {
        try
        {
            // Where it does not load, TorchSharp would copy half a gigabyte from the package folder and print what it tries.
            if (OperatingSystem.IsLinux()) NativeLibrary.Load(Library, typeof(torch).Assembly, null);
            if (!TryInitializeDeviceType(cuda ? DeviceType.CUDA : DeviceType.CPU)) throw new NotSupportedException("its native library does not load.");
            return !cuda || torch.cuda.is_available() ? null
                : "The engine 'torchsharp-cuda' needs a CUDA device and libtorch finds none. Use 'torchsharp' for the CPU.";
        }
        catch (Exception e) when (e is NotSupportedException or TypeInitializationException or DllNotFoundException)
        {
            return $"libtorch {(cuda ? "for CUDA " : "")}cannot be loaded: {Cause((e.InnerException ?? e).Message)}. " +
                $"It comes with a package of the platform, like {(cuda ? "TorchSharp-cuda-linux" : "libtorch-cpu-linux-x64")}, and on Linux needs a C++ library as recent as GCC 13.2's; see docs/torchsharp.md.";
        }
    }

    /// <summary>The line of a loader's message that says more than where it looked.</summary>
    private static string Cause(string message)
    {
        string[] lines = message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string cause = lines.Skip(1).FirstOrDefault(line => !Path.GetFileNameWithoutExtension(line.Split(": ")[0]).EndsWith(Library, StringComparison.Ordinal)) ?? lines[0];
        return cause.TrimEnd('.');
    }

    internal override IReferenceNetwork Create(ImportedModel model, IReadOnlyList<float> timesteps, int capacity) =>
        new TorchNetwork(model, timesteps, Device, capacity);

    internal override bool CanReconstruct => true;

    internal override ReconstructedNetwork Reconstruct(ReconstructionRequest request, CancellationToken cancellation)
    {
        using var reconstruction = new BlockReconstruction(request, Device);
        return reconstruction.Run(cancellation);
    }
}
