namespace Specializer.Extensions.AI;

/// <summary>As many requests wait as may. A server answers 429; others ask again later.</summary>
/// <param name="capacity">Requests that may wait.</param>
public sealed class ImageQueueFullException(int capacity) : InvalidOperationException(
    $"{capacity} requests for images wait already, as many as may. Ask again later, or raise {nameof(SpecializerImageGeneratorOptions)}.{nameof(SpecializerImageGeneratorOptions.QueueCapacity)}.")
{
    /// <summary>Requests that may wait.</summary>
    public int Capacity => capacity;
}
