namespace Specializer.Cluster;

/// <summary>Pictures to draw on the cluster. Picture i has the index <see cref="FirstImage"/> + i of the seed and the prompt i modulo their number: it depends on nothing else.</summary>
[GenerateSerializer]
public sealed record RenderRequest
{
    /// <summary>Most pictures of a job.</summary>
    public const int MostPictures = 1_000_000;

    /// <summary>Most prompts of a job.</summary>
    public const int MostPrompts = 100_000;

    /// <summary>Most characters of a prompt.</summary>
    public const int MostPromptCharacters = 1000;

    /// <summary>The model's name.</summary>
    [Id(0)]
    public required string Sampler { get; init; }

    /// <summary>The sampler's hash, or the beginning of it; null where all silos have the same.</summary>
    [Id(1)]
    public string? Hash { get; init; }

    /// <summary>Number of pictures, 1 to <see cref="MostPictures"/>.</summary>
    [Id(2)]
    public required int Count { get; init; }

    /// <summary>Seed of the noise.</summary>
    [Id(3)]
    public ulong Seed { get; init; }

    /// <summary>Index of the first picture among those of the seed, from 0.</summary>
    [Id(4)]
    public long FirstImage { get; init; }

    /// <summary>Prompts that the pictures take in turn, at most <see cref="MostPrompts"/>; for a model with labels their numbers. Empty for none.</summary>
    [Id(5)]
    public IReadOnlyList<string> Prompts { get; init => field = value?.ToArray()!; } = [];

    /// <summary>Classifier-free guidance scale; null for the one that was compiled in.</summary>
    [Id(6)]
    public float? Guidance { get; init; }

    /// <summary>The prompt of a picture.</summary>
    /// <param name="picture">0 to <see cref="Count"/> − 1.</param>
    public string Prompt(int picture) => Prompts.Count == 0 ? "" : Prompts[picture % Prompts.Count];

    /// <summary>Checks what a client asks for before anything is kept of it.</summary>
    /// <exception cref="ArgumentException">Something is out of bounds.</exception>
    internal void Check()
    {
        if (string.IsNullOrEmpty(Sampler) || Sampler.Length > 200) throw new ArgumentException("A job names its sampler, with at most 200 characters.");
        if (Hash is { } hash && (hash.Length is 0 or > 64 || !hash.All(char.IsAsciiHexDigitLower))) throw new ArgumentException("A sampler's hash has 1 to 64 of 0 to 9 and a to f.");
        if (Count is < 1 or > MostPictures) throw new ArgumentException($"{Count} pictures were asked for; a job has 1 to {MostPictures}.");
        if (FirstImage < 0 || FirstImage > long.MaxValue - Count) throw new ArgumentException($"{Count} pictures from index {FirstImage} on leave the indices 0 to {long.MaxValue}.");
        if (Prompts is null || Prompts.Count > MostPrompts) throw new ArgumentException($"A job has at most {MostPrompts} prompts, not {Prompts?.Count}.");
        if (Prompts.FirstOrDefault(p => p is null || p.Length > MostPromptCharacters) is { } prompt) throw new ArgumentException($"A prompt has at most {MostPromptCharacters} characters, not {prompt.Length}.");
        if (Prompts.Contains(null!)) throw new ArgumentException("A prompt is missing; use an empty one for none.");
        if (Guidance is { } guidance && !float.IsFinite(guidance)) throw new ArgumentException("The guidance scale is no finite number.");
    }
}
