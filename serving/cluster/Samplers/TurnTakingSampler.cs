using Specializer.Extensions.AI;

namespace Specializer.Cluster;

/// <summary>A sampler that jobs draw with, too, a batch each in turn: a request waits for one batch at most.</summary>
/// <param name="sampler">The sampler; stays its owner's.</param>
/// <param name="turn">Whoever holds it draws.</param>
internal sealed class TurnTakingSampler(IPromptSampler sampler, SemaphoreSlim turn) : IPromptSampler
{
    public SamplerDescription Description => sampler.Description;

    public int BatchImages(float guidance) => sampler.BatchImages(guidance);

    public PromptCondition Read(string prompt) => sampler.Read(prompt);

    public ImageBatch Draw(IReadOnlyList<PromptCondition> conditions, ulong seed, long firstImage, float guidance, IProgress<SampleProgress>? steps, BatchPreviews? previews, CancellationToken cancellation)
    {
        turn.Wait(cancellation);
        try
        {
            return sampler.Draw(conditions, seed, firstImage, guidance, steps, previews, cancellation);
        }
        finally
        {
            turn.Release();
        }
    }

    public void Dispose()
    {
    }
}
