namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>A kernel's line.</summary>
/// <param name="Network">Where the layer is from.</param>
/// <param name="Layer">Its shape.</param>
/// <param name="Precision">How it is computed.</param>
/// <param name="Batch">Images.</param>
/// <param name="Ms">On the device.</param>
/// <param name="Tops">10¹² operations a second; null where memory is the limit.</param>
/// <param name="Share">Of the card's limit measured in the same run: matrix instructions of that type, or copied bytes; null where there is none.</param>
/// <param name="Count">How often a step has the layer.</param>
internal sealed record KernelRow(string Network, string Layer, string Precision, int Batch, double Ms, double? Tops, double? Share, int Count);

/// <summary>A model's line.</summary>
/// <param name="Model">Which.</param>
/// <param name="Precision">How it is computed.</param>
/// <param name="Batch">Images.</param>
/// <param name="StepMs">Until the device is idle again.</param>
/// <param name="QueueMs">What the host needs to queue a step.</param>
/// <param name="DeviceMs">With everything queued beforehand.</param>
/// <param name="LaunchShare">Of the step, in which the device waits for the host.</param>
/// <param name="Launches">A step.</param>
/// <param name="Graph">They are queued as a graph, not one by one.</param>
/// <param name="SameBits">As graph: whether the result has the bits of single launches; null where those were not measured.</param>
internal sealed record ModelRow(string Model, string Precision, int Batch, double StepMs, double QueueMs, double DeviceMs, double LaunchShare, long Launches, bool Graph, bool? SameBits);

/// <summary>A sum of kernels; null where one was not measured.</summary>
internal sealed record SumRow(string Network, string Precision, int Batch, double? Ms);

/// <summary>A layer on the device and on the CPU.</summary>
/// <param name="Layer">Its shape.</param>
/// <param name="Precision">How it is computed.</param>
/// <param name="Batch">Images.</param>
/// <param name="Elements">Compared.</param>
/// <param name="Differing">How many have other bits.</param>
/// <param name="Largest">Difference.</param>
/// <param name="Agrees">The bits are the same; in FP16: every element lies within the bound of docs/gpu.md.</param>
internal sealed record AgreementRow(string Layer, string Precision, int Batch, int Elements, int Differing, double Largest, bool Agrees);

/// <summary>The shipped sampler's result on the device and on the CPU.</summary>
/// <param name="What">Image or step.</param>
/// <param name="Half">In half precision.</param>
/// <param name="Decibels">Peak signal over noise; null where the results are the same.</param>
/// <param name="Agrees">At least 50 dB.</param>
internal sealed record ImageAgreementRow(string What, bool Half, double? Decibels, bool Agrees);

/// <summary>A figure to reach.</summary>
internal sealed record TargetRow(string Figure, double? Reached, string Wanted, bool? IsReached);

/// <summary>From nothing to pictures.</summary>
/// <param name="What">What was waited for.</param>
/// <param name="OpenSeconds">Opening the device.</param>
/// <param name="SessionSeconds">Weights, kernels and buffers.</param>
/// <param name="RunSeconds">The run.</param>
internal sealed record FirstImageRow(string What, double OpenSeconds, double SessionSeconds, double RunSeconds)
{
    public double TogetherSeconds => OpenSeconds + SessionSeconds + RunSeconds;
}

/// <summary>A layer, or the whole step, in PyTorch: bf16 and channels-last.</summary>
internal sealed record PyTorchRow(string Layer, int Batch, double? EagerMs, double? CompiledMs)
{
    /// <summary>What the whole step is called.</summary>
    public const string Step = "LDM-4 step";
}
