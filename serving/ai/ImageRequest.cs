using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Specializer.Extensions.AI;

/// <summary>A request in the model's terms.</summary>
/// <param name="Condition">What the prompt means.</param>
/// <param name="Count">Number of images.</param>
/// <param name="Seed">Seed of the noise.</param>
/// <param name="FirstImage">Index of the first image among those of the seed.</param>
/// <param name="Guidance">Classifier-free guidance scale.</param>
internal sealed record ImageRequest(PromptCondition Condition, int Count, ulong Seed, long FirstImage, float Guidance)
{
    /// <summary>Evaluations of the network at each step: guidance takes two an image.</summary>
    public int Evaluations => Guidance == 1f ? Count : 2 * Count;

    /// <summary>What the sampler is asked for, its condition left open.</summary>
    public SampleOptions Options => new() { Count = Count, Seed = Seed, FirstImage = FirstImage, Guidance = Guidance };

    /// <summary>Reads a request of Microsoft.Extensions.AI.</summary>
    /// <exception cref="ArgumentException">It asks for what this model cannot draw, or says it wrongly.</exception>
    /// <exception cref="NotSupportedException">It asks for what no generated sampler does.</exception>
    public static ImageRequest Read(ImageGenerationRequest request, ImageGenerationOptions? options, IPromptSampler sampler, int maximumCount)
    {
        ArgumentNullException.ThrowIfNull(request);
        SamplerDescription d = sampler.Description;
        if (request.OriginalImages is { } originals && originals.Any()) throw new NotSupportedException($"{d.Name} draws from noise and edits no images. Leave {nameof(request.OriginalImages)} empty.");
        if (options?.ResponseFormat is not (null or ImageGenerationResponseFormat.Data))
            throw new NotSupportedException($"Images come as data, not as {options.ResponseFormat}: nothing here stores them. Ask for {nameof(ImageGenerationResponseFormat.Data)}.");
        if (options?.MediaType is { } type && !type.Equals(Picture.MediaType, StringComparison.OrdinalIgnoreCase))
            throw new NotSupportedException($"Images come as {Picture.MediaType}, not as {type}.");
        if (options?.ModelId is { } model && model != d.Name) throw new ArgumentException($"This generator draws with {d.Name}, not with {model}. Leave {nameof(options.ModelId)} out.", nameof(options));
        int count = options?.Count ?? 1;
        if (count < 1 || count > maximumCount) throw new ArgumentException($"{count} images were asked for; one request may have 1 to {maximumCount}.", nameof(options));

        AdditionalPropertiesDictionary? more = options?.AdditionalProperties;
        ulong? seed = Property(more, ImageProperty.Seed) is not { } seedText ? null
            : ulong.TryParse(seedText, NumberStyles.None, CultureInfo.InvariantCulture, out ulong s) ? s
            : throw Wrong(ImageProperty.Seed, seedText, "a whole number from 0 on");
        float guidance = Property(more, ImageProperty.Guidance) is not { } guidanceText ? d.Guidance
            : float.TryParse(guidanceText, NumberStyles.Float, CultureInfo.InvariantCulture, out float g) && g >= d.GuidanceMinimum && g <= d.GuidanceMaximum ? g
            : throw Wrong(ImageProperty.Guidance, guidanceText, FormattableString.Invariant($"a number in the calibrated interval, {d.GuidanceMinimum} to {d.GuidanceMaximum}"));
        long first = Property(more, ImageProperty.FirstImage) is not { } firstText ? 0
            : long.TryParse(firstText, NumberStyles.None, CultureInfo.InvariantCulture, out long f) && f <= long.MaxValue - (count - 1) ? f
            : throw Wrong(ImageProperty.FirstImage, firstText, $"a whole number from 0 on, {count} images below 2⁶³");
        if (first != 0 && seed is null) throw new ArgumentException($"'{ImageProperty.FirstImage}' counts the images of a seed; give '{ImageProperty.Seed}', too.", nameof(options));
        // Below 2⁵³: the seed survives a JSON number.
        return new(sampler.Read(request.Prompt ?? ""), count, seed ?? (ulong)Random.Shared.NextInt64(1L << 53), first, guidance);
    }

    /// <summary>Values arrive as numbers, as text, or as the JSON of either.</summary>
    private static string? Property(AdditionalPropertiesDictionary? properties, string name)
    {
        if (properties is null || !properties.TryGetValue(name, out object? value)) return null;
        return value switch
        {
            null or JsonElement { ValueKind: JsonValueKind.Null } => null,
            JsonElement json => json.ToString(),
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString(),
        };
    }

    private static ArgumentException Wrong(string name, string value, string wanted) =>
        new($"'{name}' is '{(value.Length > 60 ? value[..60] + "…" : value)}'; it must be {wanted}.", "options");
}
