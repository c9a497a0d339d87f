namespace Specializer.Cluster;

/// <summary>Pictures of a job that follow each other.</summary>
/// <param name="First">The first, 0 to the job's count − 1.</param>
/// <param name="Count">Their number.</param>
[GenerateSerializer]
internal readonly record struct PictureRange([property: Id(0)] int First, [property: Id(1)] int Count)
{
    /// <summary>The picture after the last.</summary>
    public int End => First + Count;
}
