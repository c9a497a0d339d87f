namespace Specializer.Extensions.AI;

/// <summary>How a <see cref="SpecializerImageGenerator"/> reads prompts and how much it takes on.</summary>
public sealed class SpecializerImageGeneratorOptions
{
    /// <summary>Names that prompts may have for a model's labels; case does not matter. Numbers always work.</summary>
    public IReadOnlyDictionary<string, int> LabelNames { get; set; } = new Dictionary<string, int>();

    /// <summary>Requests that may wait, at least 1; the next is refused with <see cref="ImageQueueFullException"/>.</summary>
    public int QueueCapacity { get; set; } = 64;

    /// <summary>Most images of one request, at least 1.</summary>
    public int MaximumCount { get; set; } = 64;

    /// <summary>Images that the network evaluates at once; 0 lets the sampler choose. Guidance evaluates each twice.</summary>
    public int Capacity { get; set; }

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(LabelNames);
        ArgumentOutOfRangeException.ThrowIfLessThan(QueueCapacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumCount, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Capacity);
    }
}
