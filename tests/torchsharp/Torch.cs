using Specializer.Calibration;
using Specializer.Tests;
#if FULL_FEED
using Specializer.Calibration.TorchSharp;
#endif

namespace Specializer.TorchSharp.Tests;

/// <summary>Opens the engine, and says why it is missing.</summary>
internal static class Torch
{
    private static readonly Lazy<string?> s_missing = new(() => Probe(cuda: false)), s_cudaMissing = new(() => Probe(cuda: true));

    /// <summary>Why tests cannot run, or null.</summary>
    public static string? Missing(bool cuda) => (cuda ? s_cudaMissing : s_missing).Value;

    public static ReferenceEngine Engine(bool cuda = false) =>
#if FULL_FEED
        new TorchEngine(cuda, threads: 1); // Small tensors; and OpenMP's waiting threads would take the machine from other tests.
#else
        throw new InvalidOperationException(Probe(cuda));
#endif

    private static string? Probe(bool cuda) =>
#if FULL_FEED
        TorchEngine.Missing(cuda);
#else
        $"Built without TorchSharp{(cuda ? " for CUDA" : "")} (FullFeed is not set).";
#endif
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
