using System.Collections.Immutable;

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
    /// <summary>One prompt for all images or one for each; empty for the empty prompt. What does not fit the text encoder is left out. Models without prompts take none.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];
    /// <summary>The prompt that guidance leads away from; null for none, which is the empty one but for models that know another, as Stable Diffusion XL does.</summary>
    public string? NegativePrompt { get; init; }
    /// <summary>In place of prompts, a prompt's tokens, one list for all images or one for each, as long as the text encoder's input; empty for the empty prompt. Models without prompts take none.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Tokens { get; init; } = [];
    /// <summary>Tokens of the prompt that guidance leads away from; empty for none.</summary>
    public IReadOnlyList<int> NegativeTokens { get; init; } = [];
    /// <summary>Numbers for the model's other inputs (<see cref="SamplerDescription.Inputs"/>) by name: one image's for all, or one image's after the other.</summary>
    public IReadOnlyDictionary<string, float[]> Inputs { get; init; } = ImmutableDictionary<string, float[]>.Empty;
    /// <summary>Numbers that guidance leads away from, for each of the model's other inputs: one image's for all, or one image's after the other.</summary>
    public IReadOnlyDictionary<string, float[]> NegativeInputs { get; init; } = ImmutableDictionary<string, float[]>.Empty;
    /// <summary>Pictures to begin with in place of noise, one for all images or one for each, as large as what is drawn; null for noise. Needs a sampler that was calibrated for it (<c>--image-to-image</c>).</summary>
    public ImageBatch? Image { get; init; }
    /// <summary>How much of <see cref="Image"/> is drawn anew: the share of the steps that are taken, the last ones, above 0, up to 1. One step is taken at least. So it is with consistency models, too, whose own pipeline in diffusers takes all steps from a later beginning (docs/schedulers.md, "Beginning with a picture").</summary>
    public double Strength { get; init; } = 0.8;
    /// <summary>Where <see cref="Image"/> is drawn anew, row by row, as many as an image has pixels: true there, false where it is kept. Empty for everywhere.</summary>
    public IReadOnlyList<bool> Mask { get; init; } = [];
    /// <summary>Classifier-free guidance scale; null for the one that was compiled in.</summary>
    public float? Guidance { get; init; }

    /// <summary>One image of a prompt: <c>sampler.Sample("red heart")</c>.</summary>
    /// <param name="prompt">The prompt.</param>
    public static implicit operator SampleOptions(string prompt) => FromPrompt(prompt);

    /// <summary>One image of a prompt.</summary>
    /// <param name="prompt">The prompt.</param>
    public static SampleOptions FromPrompt(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return new() { Prompts = [prompt] };
    }
}
