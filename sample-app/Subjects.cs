using Specializer;

namespace SampleApp;

/// <summary>What a run draws: labels or prompts, in turn.</summary>
internal sealed record Subjects(IReadOnlyList<int> Labels, IReadOnlyList<string> Prompts)
{
    /// <summary>How many there are.</summary>
    public int Count => Math.Max(Labels.Count, Prompts.Count);

    /// <summary>Those of a model that the command line names, or all that the program knows.</summary>
    /// <param name="d">The model.</param>
    /// <param name="label">The only label; null for all.</param>
    /// <param name="prompts">As they were given.</param>
    /// <exception cref="ArgumentException">The model does not draw such subjects.</exception>
    public static Subjects Of(SamplerDescription d, int? label, IReadOnlyList<string> prompts)
    {
        if (d.Prompt is null)
        {
            return prompts.Count == 0 ? new(label is { } only ? [only] : [.. Enumerable.Range(0, 10)], [])
                : throw new ArgumentException("The digits are drawn by --label. Prompts are for --model emoji, which is the default.");
        }

        if (label is not null) throw new ArgumentException("--label is for --model digits. This model draws what prompts say: write them behind the options.");
        return new([], prompts.Count > 0 ? prompts : [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "models", ShownModel.Emoji, "prompts.txt"))]);
    }

    /// <summary>The prompt of an image of the run.</summary>
    public string Prompt(int image) => Prompts[image % Prompts.Count];

    /// <summary>What some images of a run are drawn with.</summary>
    /// <param name="request">Of the run.</param>
    /// <param name="first">Index of the first image.</param>
    /// <param name="count">How many.</param>
    public SampleOptions Options(Request request, int first, int count) => new()
    {
        Count = count, Seed = request.Seed, FirstImage = first, Guidance = request.Guidance,
        Labels = Labels.Count == 0 ? [] : [.. Enumerable.Range(first, count).Select(i => Labels[i % Labels.Count])],
        Prompts = Prompts.Count == 0 ? [] : [.. Enumerable.Range(first, count).Select(Prompt)],
    };
}
