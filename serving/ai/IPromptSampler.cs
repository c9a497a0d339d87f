namespace Specializer.Extensions.AI;

/// <summary>What a prompt means to a model. Equal conditions draw equal images from equal noise.</summary>
/// <param name="Label">The label; −1 where there is none.</param>
/// <param name="Prompt">The text, for models that read it.</param>
internal readonly record struct PromptCondition(int Label, string Prompt = "");

/// <summary>What the generator asks of a model: to read prompts, and to draw a batch. Models with a text encoder take this place as models with labels do.</summary>
internal interface IPromptSampler : IDisposable
{
    /// <summary>What the sampler was specialized on.</summary>
    SamplerDescription Description { get; }

    /// <summary>Evaluations of the network at once: guidance takes two an image.</summary>
    int Capacity { get; }

    /// <summary>Reads a prompt, on the caller's thread.</summary>
    /// <exception cref="ArgumentException">The model cannot draw it; the message says what it can.</exception>
    PromptCondition Read(string prompt);

    /// <summary>Draws the images of some requests, one request's after the other's; never called twice at the same time.</summary>
    /// <param name="requests">What to draw.</param>
    /// <param name="steps">Told after each step.</param>
    /// <param name="previews">Shown the images on their way; null where nobody wants to see them.</param>
    /// <param name="cancellation">Acts within a step.</param>
    ImageBatch Draw(IReadOnlyList<ImageRequest> requests, IProgress<SampleProgress>? steps, BatchPreviews? previews, CancellationToken cancellation);
}
