using Specializer.Calibration;
using Specializer.Calibration.TorchSharp;
using Specializer.Tests;

namespace Specializer.TorchSharp.Tests;

/// <summary>Opens the engine, and says why it is missing.</summary>
internal static class Torch
{
    private static readonly Lazy<string?> s_missing = new(() => TorchEngine.Missing(cuda: false)), s_cudaMissing = new(() => TorchEngine.Missing(cuda: true));

    /// <summary>Why tests cannot run, or null.</summary>
    public static string? Missing(bool cuda) => (cuda ? s_cudaMissing : s_missing).Value;

    /// <summary>One thread: tensors are small, and OpenMP's waiting threads would take the machine from other tests.</summary>
    public static ReferenceEngine Engine(bool cuda = false) => new TorchEngine(cuda, threads: 1);
}

/// <summary>A fact that needs libtorch, and perhaps shared data; skipped, with the reason, where one is missing.</summary>
internal sealed class TorchFactAttribute : FactAttribute
{
    public TorchFactAttribute(bool cuda = false) => Skip = Torch.Missing(cuda);
}

/// <summary>A theory that needs libtorch and shared data; skipped, with the reason, where one is missing.</summary>
internal sealed class TorchTheoryAttribute : TheoryAttribute
{
    public TorchTheoryAttribute(params string[] required) => Skip = Torch.Missing(cuda: false) ?? SharedData.Missing(required);
}
