using Specializer.ClusterSilo;
using Specializer.Extensions.AI;
using Specializer.Generated.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>What one process draws.</summary>
internal static class ReferencePictures
{
    /// <summary>The lines of SHA256SUMS.</summary>
    /// <param name="request">What to draw.</param>
    /// <param name="waiting">Whether by silos that wait instead of computing.</param>
    public static string Sums(RenderRequest request, bool waiting = false)
    {
        using var device = new CpuDevice(2);
        using Sampler sampler = waiting ? StandInSampler.Paced(0)(device) : MnistSampler.Load(device);
        using SamplerSession session = sampler.CreateSession();
        ImageBatch images = session.Sample(new()
        {
            Count = request.Count, Seed = request.Seed, FirstImage = request.FirstImage, Guidance = request.Guidance,
            Labels = [.. Enumerable.Range(0, request.Count).Select(i => int.Parse(request.Prompt(i)))],
        });
        return string.Concat(Enumerable.Range(0, request.Count).Select(i => RenderFiles.Line(request.FirstImage + i, Picture.Encode(images, i))));
    }
}
