namespace Specializer;

/// <summary>What to draw.</summary>
public sealed record SampleOptions
{
    /// <summary>Number of images, at least 1.</summary>
    public int Count { get; init; } = 1;
    /// <summary>Seed of the noise. The same seed and index draw the same image in any batch and on any number of threads.</summary>
    public ulong Seed { get; init; }
    /// <summary>Index of the first image: a run of images 0 to 9 equals a run of 0 to 4 and one of 5 to 9. 0 to <see cref="long.MaxValue"/>, like those of all images of the run.</summary>
    public long FirstImage { get; init; }
    /// <summary>One label for all images or one for each; empty for "none". Unconditional models take none.</summary>
    public IReadOnlyList<int> Labels { get; init; } = [];
    /// <summary>Classifier-free guidance scale; null for the one that was compiled in.</summary>
    public float? Guidance { get; init; }
}
