using System.Globalization;
using System.Text.RegularExpressions;

namespace Specializer.Text;

/// <summary>A piece of a prompt and how much it counts.</summary>
/// <param name="Text">The piece.</param>
/// <param name="Weight">1 for as usual.</param>
public readonly record struct PromptPart(string Text, float Weight);

/// <summary>
/// A prompt in which <c>(words:1.2)</c> gives words a weight. Other parentheses are text, and so are <c>\(</c> and <c>\)</c> within and without; groups do not nest.
/// Prompts are taken as plain text unless they are parsed here.
/// </summary>
public sealed partial class WeightedPrompt
{
    /// <summary>The largest weight's magnitude: beyond it pictures have long fallen apart.</summary>
    public const float MaximumWeight = 10;

    private WeightedPrompt(IReadOnlyList<PromptPart> parts) => Parts = parts;

    /// <summary>The pieces in order, without the marks.</summary>
    public IReadOnlyList<PromptPart> Parts { get; }

    /// <summary>Splits a prompt at its weighted groups.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <exception cref="ArgumentException">A weight is beyond ±<see cref="MaximumWeight"/>.</exception>
    public static WeightedPrompt Parse(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        var parts = new List<PromptPart>();
        int end = 0;
        foreach (Match group in Group().Matches(prompt))
        {
            // A backslash before the group makes it text.
            if (group.Groups["words"] is not { Success: true } words) continue;
            float weight = float.Parse(group.Groups["weight"].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture);
            if (!(MathF.Abs(weight) <= MaximumWeight))
                throw new ArgumentException($"The weight of {group.Value} lies outside −{MaximumWeight} to {MaximumWeight}.", nameof(prompt));
            Add(prompt[end..group.Index], 1);
            Add(words.Value, weight);
            end = group.Index + group.Length;
        }

        Add(prompt[end..], 1);
        return new(parts);

        void Add(string text, float weight)
        {
            if (text.Length > 0) parts.Add(new(Escaped().Replace(text, "$1"), weight));
        }
    }

    [GeneratedRegex(@"\\.|\((?<words>(?:[^()\\]|\\.)+):\s*(?<weight>[+-]?[0-9]+(?:\.[0-9]+)?)\s*\)", RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex Group();

    [GeneratedRegex(@"\\([()\\])", RegexOptions.CultureInvariant)]
    private static partial Regex Escaped();
}
