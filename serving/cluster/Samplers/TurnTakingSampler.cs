using Specializer.Extensions.AI;

namespace Specializer.Cluster;

/// <summary>A sampler that jobs draw with, too, a batch each in turn: a request waits for one batch at most.</summary>
/// <param name="sampler">The sampler; stays its owner's.</param>
/// <param name="turn">Whoever holds it draws.</param>
internal sealed class TurnTakingSampler(IPromptSampler sampler, SemaphoreSlim turn) : IPromptSampler
{
    public SamplerDescription Description => sampler.Description;

    public int Capacity => sampler.Capacity;

    public PromptCondition Read(string prompt) => sampler.Read(prompt);

    public ImageBatch Draw(IReadOnlyList<ImageRequest> requests, IProgress<SampleProgress>? steps, BatchPreviews? previews, CancellationToken cancellation)
    {
        turn.Wait(cancellation);
        try
        {
            return sampler.Draw(requests, steps, previews, cancellation);
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
