using Specializer.Manifest;
using Specializer.Text;

namespace Specializer.Calibration;

/// <summary>Makes conditions of prompts: a tokenizer and a text encoder, or two as one network (<see cref="TextEncoderPair"/>), in FP32.</summary>
/// <param name="Network">From token ids, each in an element of its own, to the tokens' hidden states, and what else the sampled network is given.</param>
/// <param name="Tokenizer">The folder's.</param>
internal sealed record PromptEncoder(ImportedNetwork Network, ClipTokenizer Tokenizer)
{
    /// <summary>Prompts that are encoded at once.</summary>
    public const int Batch = 16;

    /// <summary>The tokenizer's files, as they are.</summary>
    public byte[] Vocabulary { get; init; } = [];

    /// <inheritdoc cref="Vocabulary"/>
    public byte[] Merges { get; init; } = [];

    /// <summary>Token that fills the second text encoder's ids, where there are two.</summary>
    public int Filling { get; init; }

    /// <summary>Whether no text at all is something else than the empty text: zeros.</summary>
    public bool KnowsNone { get; init; }

    /// <summary>Last layers of each text encoder that were left out.</summary>
    public int ClipSkip { get; init; }

    /// <summary>How prompts enter an artefact.</summary>
    public Prompt Prompt => new(Network.Network.Latent, Ids("").ToEquatableArray())
    {
        Vocabulary = Vocabulary.Length, Merges = Merges.Length,
        Second = Given(TextEncoderPair.SecondIds), Filling = Filling, None = Given(TextEncoderPair.None), ClipSkip = ClipSkip,
    };

    /// <summary>Names of what the sampled network is given.</summary>
    public IEnumerable<string> Outputs => [UNetImporter.Context, .. Network.Network.Outputs];

    /// <summary>Tokens of a context.</summary>
    public int Tokens => Tokenizer.Length;

    /// <summary>Prompts of which the text encoder sees the beginning alone: a context has a fixed number of tokens, as the source library has it.</summary>
    public IReadOnlyList<string> Cut(IEnumerable<string> prompts) => [.. prompts.Distinct(StringComparer.Ordinal).Where(p => Tokenizer.Tokenize(p).Chunks > 1)];

    /// <summary>What the text encoder reads.</summary>
    /// <exception cref="ArgumentException">The prompt is far too long.</exception>
    public int[] Ids(string prompt) => Tokenizer.Tokenize(prompt).Chunk(0).ToArray();

    /// <summary>What the network takes for prompts, one after the other: a prompt's ids, and what follows from them.</summary>
    /// <param name="prompts">Null for no text.</param>
    public float[] Inputs(IEnumerable<string?> prompts) => [.. prompts.SelectMany(Row)];

    /// <summary>Contexts of prompts, each distinct one computed once.</summary>
    /// <param name="prompts">Conditions 0 to Count − 2.</param>
    /// <param name="negative">The last condition, which guidance leads away from; null for no text, which is the empty one but for models that know <see cref="KnowsNone">another</see>.</param>
    /// <param name="device">Where the text encoder runs; stays the caller's.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    /// <exception cref="ArgumentException">A prompt is far too long.</exception>
    public PromptContexts Encode(IReadOnlyList<string> prompts, string? negative, Device device, CancellationToken cancellation = default)
    {
        using NetworkEvaluator evaluator = Network.Evaluator(device, Batch);
        return Encode(prompts, negative, inputs => Network.Evaluate(evaluator, inputs, cancellation));
    }

    /// <summary>The same by another text encoder.</summary>
    /// <param name="prompts">Conditions 0 to Count − 2.</param>
    /// <param name="negative">The last condition; null for no text.</param>
    /// <param name="encode">From <see cref="Inputs"/> to all that comes out, for any number of prompts.</param>
    public PromptContexts Encode(IReadOnlyList<string> prompts, string? negative, Func<float[], float[]> encode)
    {
        (string Text, bool None)[] all = [.. prompts.Select(p => (p, false)), (negative ?? "", negative is null && KnowsNone)], distinct = [.. all.Distinct()];
        var rows = distinct.Select((prompt, row) => (prompt, row)).ToDictionary(p => p.prompt, p => p.row);
        float[] contexts = encode(Inputs(distinct.Select(p => p.None ? null : p.Text)));
        (string, int)[] inputs = [.. Outputs.Zip(Network.Network.AllOutputs(), (name, map) => (name, Elements(map)))];
        return new(inputs, [.. contexts.Chunk(contexts.Length / distinct.Length)], [.. all.Select(p => rows[p])], all.Length - 1);
    }

    private int Elements(string map) => Network.Network.Maps.Single(m => m.Name == map) is var m ? (int)(m.Pixels * m.Channels) : 0;

    private string? Given(string input) => Network.Network.Inputs.Contains(input) ? input : null;

    private IEnumerable<float> Row(string? prompt)
    {
        int[] ids = Ids(prompt ?? "");
        IEnumerable<int> second = Given(TextEncoderPair.SecondIds) is null ? [] : new PromptInput("", Ids("")) { Filling = Filling }.Refill(ids);
        return [.. ids.Concat(second).Select(id => (float)id), .. Given(TextEncoderPair.None) is null ? (float[])[] : [prompt is null ? 1 : 0]];
    }
}
