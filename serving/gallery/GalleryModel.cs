using System.Globalization;

namespace Specializer.Gallery;

/// <summary>What a page asks for.</summary>
/// <param name="Prompt">What to draw: a prompt, or for labels a number; the digits know their English names, too.</param>
/// <param name="Seed">Seed of the noise.</param>
/// <param name="Guidance">Classifier-free guidance, in the calibrated interval; null for the compiled-in scale.</param>
internal sealed record DrawingRequest(string? Prompt, ulong Seed, float? Guidance);

/// <summary>The model on show: its quantized sampler and, where wanted, the FP32 network it came from.</summary>
/// <param name="device">Where both run; disposed of with the model.</param>
/// <param name="quantized">Disposed of with the model.</param>
/// <param name="float32">Likewise; null to show the quantized sampler alone.</param>
/// <param name="examples">Prompts that the page offers; null for the labels of a model that has some.</param>
internal sealed partial class GalleryModel(CpuDevice device, Sampler quantized, Sampler? float32, IReadOnlyList<string>? examples = null) : IDisposable
{
    private const int LongestPrompt = 200, MostExamples = 12;

    private static readonly string[] s_names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

    public Sampler Quantized => quantized;

    public Sampler? Float32 => float32;

    public SamplerDescription Description => quantized.Description;

    /// <summary>Whether it draws what a text says.</summary>
    public bool TakesPrompts => Description.Prompt is not null;

    /// <summary>Prompts that the page offers; none where the model draws whatever it likes.</summary>
    public IReadOnlyList<string> Examples { get; } =
        [.. (examples ?? Enumerable.Range(0, Labels(quantized.Description)).Select(i => i.ToString(CultureInfo.InvariantCulture))).Take(MostExamples)];

    /// <summary>What the samplers are to draw.</summary>
    /// <exception cref="ArgumentException">The model cannot draw it; the message is for the page's user.</exception>
    public SampleOptions Read(DrawingRequest request)
    {
        SamplerDescription d = Description;
        if (request.Guidance is { } guidance && !(guidance >= d.GuidanceMinimum && guidance <= d.GuidanceMaximum))
            throw new ArgumentException(FormattableString.Invariant($"Guidance must lie between {d.GuidanceMinimum} and {d.GuidanceMaximum}, which the model is calibrated for."));
        var options = new SampleOptions { Seed = request.Seed, Guidance = request.Guidance };
        string prompt = (request.Prompt ?? "").Trim();
        return TakesPrompts ? options with { Prompts = [Text(prompt)] } : d.Classes > 0 ? options with { Labels = [Label(prompt)] } : options;
    }

    public void Dispose()
    {
        quantized.Dispose();
        float32?.Dispose();
        device.Dispose();
    }

    // The label that means "none" is usually the last, and nothing to ask for.
    private static int Labels(SamplerDescription d) => d.Classes > 0 && d.NullLabel == d.Classes - 1 ? d.NullLabel : d.Classes;

    private static string Text(string prompt) => prompt.Length switch
    {
        0 => throw new ArgumentException("Say what to draw."),
        > LongestPrompt => throw new ArgumentException($"The prompt has {prompt.Length} characters; {LongestPrompt} are the most."),
        _ => prompt,
    };

    private int Label(string prompt)
    {
        int labels = Labels(Description), named = Array.FindIndex(s_names, n => n.Equals(prompt, StringComparison.OrdinalIgnoreCase));
        if (named >= 0 && named < labels) return named;
        return int.TryParse(prompt, NumberStyles.None, CultureInfo.InvariantCulture, out int label) && label < labels ? label
            : throw new ArgumentException($"This model draws what a number says: ask for one of 0 to {labels - 1}{(labels == s_names.Length ? ", or its name, as in \u201cseven\u201d" : "")}.");
    }
}
