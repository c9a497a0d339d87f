using Specializer.Text;

namespace Specializer.Calibration;

/// <summary>Makes conditions of prompts: a tokenizer and a text encoder, in FP32.</summary>
/// <param name="Network">From token ids, each in an element of its own, to the tokens' hidden states.</param>
/// <param name="Tokenizer">The folder's.</param>
internal sealed record PromptEncoder(ImportedNetwork Network, ClipTokenizer Tokenizer)
{
    private const int Batch = 16;

    /// <summary>Tokens of a context.</summary>
    public int Tokens => Tokenizer.Length;

    /// <summary>Prompts of which the text encoder sees the beginning alone: a context has a fixed number of tokens, as the source library has it.</summary>
    public IReadOnlyList<string> Cut(IEnumerable<string> prompts) => [.. prompts.Distinct(StringComparer.Ordinal).Where(p => Tokenizer.Tokenize(p).Chunks > 1)];

    /// <summary>Contexts of prompts, each distinct one computed once.</summary>
    /// <param name="prompts">Conditions 0 to Count − 2.</param>
    /// <param name="negative">The last condition, which guidance leads away from: as a rule the empty prompt.</param>
    /// <param name="device">Where the text encoder runs; stays the caller's.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    /// <exception cref="ArgumentException">A prompt is far too long.</exception>
    public PromptContexts Encode(IReadOnlyList<string> prompts, string negative, Device device, CancellationToken cancellation = default)
    {
        string[] all = [.. prompts, negative], distinct = [.. all.Distinct(StringComparer.Ordinal)];
        var contexts = new float[distinct.Length][];
        using NetworkEvaluator evaluator = Network.Evaluator(device, Math.Min(Batch, distinct.Length));
        for (int first = 0; first < distinct.Length; first += Batch)
        {
            string[] batch = [.. distinct.Skip(first).Take(Batch)];
            float[][] states = Network.Evaluate(evaluator, [.. batch.SelectMany(Ids)], cancellation);
            states.CopyTo(contexts, first);
        }

        var rows = distinct.Select((prompt, row) => (prompt, row)).ToDictionary(p => p.prompt, p => p.row, StringComparer.Ordinal);
        return new(contexts, [.. all.Select(p => rows[p])]);
    }

    private IEnumerable<float> Ids(string prompt) => Tokenizer.Tokenize(prompt).Chunk(0).ToArray().Select(id => (float)id);
}
