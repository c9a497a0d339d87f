using Specializer.Text;

namespace Specializer.Calibration;

/// <summary>Makes conditions of prompts: a tokenizer and a text encoder, in FP32.</summary>
/// <param name="Network">From token ids, each in an element of its own, to the tokens' hidden states.</param>
/// <param name="Tokenizer">The folder's.</param>
internal sealed record PromptEncoder(ImportedNetwork Network, ClipTokenizer Tokenizer)
{
    private const int Batch = 16;

    /// <summary>The tokenizer's files, as they are.</summary>
    public byte[] Vocabulary { get; init; } = [];

    /// <inheritdoc cref="Vocabulary"/>
    public byte[] Merges { get; init; } = [];

    /// <summary>Tokens of a context.</summary>
    public int Tokens => Tokenizer.Length;

    /// <summary>Prompts of which the text encoder sees the beginning alone: a context has a fixed number of tokens, as the source library has it.</summary>
    public IReadOnlyList<string> Cut(IEnumerable<string> prompts) => [.. prompts.Distinct(StringComparer.Ordinal).Where(p => Tokenizer.Tokenize(p).Chunks > 1)];

    /// <summary>What the text encoder reads.</summary>
    /// <exception cref="ArgumentException">The prompt is far too long.</exception>
    public int[] Ids(string prompt) => Tokenizer.Tokenize(prompt).Chunk(0).ToArray();

    /// <summary>The ids of prompts, one after the other, as the network takes them.</summary>
    public float[] Inputs(IEnumerable<string> prompts) => [.. prompts.SelectMany(Ids).Select(id => (float)id)];

    /// <summary>Contexts of prompts, each distinct one computed once.</summary>
    /// <param name="prompts">Conditions 0 to Count − 2.</param>
    /// <param name="negative">The last condition, which guidance leads away from: as a rule the empty prompt.</param>
    /// <param name="device">Where the text encoder runs; stays the caller's.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    /// <exception cref="ArgumentException">A prompt is far too long.</exception>
    public PromptContexts Encode(IReadOnlyList<string> prompts, string negative, Device device, CancellationToken cancellation = default)
    {
        using NetworkEvaluator evaluator = Network.Evaluator(device, Batch);
        return Encode(prompts, negative, inputs => Network.Evaluate(evaluator, inputs, cancellation));
    }

    /// <summary>The same by another text encoder.</summary>
    /// <param name="prompts">Conditions 0 to Count − 2.</param>
    /// <param name="negative">The last condition.</param>
    /// <param name="encode">From token ids to hidden states, for any number of prompts.</param>
    public PromptContexts Encode(IReadOnlyList<string> prompts, string negative, Func<float[], float[]> encode)
    {
        string[] all = [.. prompts, negative], distinct = [.. all.Distinct(StringComparer.Ordinal)];
        var rows = distinct.Select((prompt, row) => (prompt, row)).ToDictionary(p => p.prompt, p => p.row, StringComparer.Ordinal);
        float[] contexts = encode(Inputs(distinct));
        return new([.. contexts.Chunk(contexts.Length / distinct.Length)], [.. all.Select(p => rows[p])], all.Length - 1);
    }
}
