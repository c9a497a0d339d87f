namespace Specializer.Extensions.AI;

/// <summary>A model with a text encoder: the prompt is what it says.</summary>
internal sealed class TextPromptSampler : IPromptSampler
{
    private readonly Sampler _sampler;
    private readonly bool _owned;
    private readonly IPromptTokenizer _tokenizer;
    private readonly SamplerSession _session;

    /// <param name="sampler">The sampler.</param>
    /// <param name="owned">Whether it is disposed of with this object.</param>
    /// <param name="capacity">Images evaluated at once; 0 chooses.</param>
    /// <exception cref="ArgumentException">The sampler has nothing that reads prompts.</exception>
    public TextPromptSampler(Sampler sampler, bool owned, int capacity)
    {
        _tokenizer = sampler.Tokenizer
            ?? throw new ArgumentException($"{sampler.Description.Name} draws what prompts say, and has no tokenizer to read them with. Reference the package Specializer.Text and build again, or set {nameof(Sampler.Tokenizer)}.", nameof(sampler));
        (_sampler, _owned) = (sampler, owned);
        _session = sampler.CreateSession(capacity);
    }

    public SamplerDescription Description => _sampler.Description;

    public int Capacity => _session.Capacity;

    public PromptCondition Read(string prompt)
    {
        // A prompt that cannot be read fails its own request, not a batch.
        _tokenizer.ReadPrompt(prompt);
        return new(-1, prompt);
    }

    public ImageBatch Draw(IReadOnlyList<ImageRequest> requests, IProgress<SampleProgress>? steps, BatchPreviews? previews, CancellationToken cancellation) =>
        SessionDrawing.Run(_session, requests, r => r.Options with { Prompts = [r.Condition.Prompt] }, steps, previews, cancellation);

    public void Dispose()
    {
        _session.Dispose();
        if (_owned) _sampler.Dispose();
    }
}
