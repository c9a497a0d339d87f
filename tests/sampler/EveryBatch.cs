using System.Runtime.InteropServices;

namespace Specializer.Generated.Tests;

/// <summary>A generated sampler beside the interpreted artefact, however many pictures are evaluated together.</summary>
internal static class EveryBatch
{
    private const int Most = 7;

    /// <summary>Draws in batches of 1 to 7 pictures with the generated sampler, whose every bit must be the interpreter's.</summary>
    /// <param name="interpreted">Draws what is expected, request by request.</param>
    /// <param name="compiled">What is generated of the same artefact.</param>
    /// <param name="requests">All guided, or none. Each asks for 7 pictures or more: only those that begin alike fill a batch.</param>
    /// <returns>The pictures of all requests.</returns>
    public static float[] Same(Sampler interpreted, Sampler compiled, params SampleOptions[] requests)
    {
        Assert.All(requests, r => Assert.True(r.Count >= Most));
        float[] expected = [.. requests.SelectMany(r => interpreted.Sample(r).Pixels.ToArray())];
        Assert.All(expected, p => Assert.True(float.IsFinite(p)));
        // Guidance evaluates each picture twice.
        int evaluations = requests.Select(r => (r.Guidance ?? compiled.Description.Guidance) == 1 ? 1 : 2).Distinct().Single();
        for (int pictures = 1; pictures <= Most; pictures++) Check(compiled, evaluations * pictures);
        // Of these three guidance leaves one over.
        Check(interpreted, 3);
        return expected;

        void Check(Sampler sampler, int capacity)
        {
            using SamplerSession session = sampler.CreateSession(capacity);
            Assert.Equal(Bits(expected), Bits(session.Sample(requests).Pixels.Span));
        }
    }

    private static int[] Bits(ReadOnlySpan<float> pixels) => MemoryMarshal.Cast<float, int>(pixels).ToArray();
}
