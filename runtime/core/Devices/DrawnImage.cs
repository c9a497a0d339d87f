namespace Specializer;

/// <summary>What identifies an image of a run: it is the same in whatever batch it is drawn.</summary>
/// <param name="Seed">Seed of its noise.</param>
/// <param name="Index">Its index among the images of that seed.</param>
/// <param name="Guidance">Guidance scale; 1 for none.</param>
internal readonly record struct DrawnImage(ulong Seed, long Index, float Guidance)
{
    /// <summary>Whether it is evaluated twice.</summary>
    public bool IsGuided => Guidance != 1f;

    /// <summary>Images of one seed and guidance scale.</summary>
    public static DrawnImage[] Consecutive(int images, ulong seed, long firstIndex, float guidance) =>
        [.. Enumerable.Range(0, images).Select(i => new DrawnImage(seed, firstIndex + i, guidance))];
}
