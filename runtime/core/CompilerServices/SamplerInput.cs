using System.ComponentModel;

namespace Specializer.CompilerServices;

/// <summary>A map that a call gives, beside noise.</summary>
/// <param name="Name">Its name in the model, such as <c>encoder_hidden_states</c>.</param>
/// <param name="Buffer">Where it lies.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns; of a text, its tokens.</param>
/// <param name="Channels">Channels.</param>
/// <param name="Rows">0 where any finite number will do; else the numbers are whole, from 0 to this − 1: they are looked up in a table.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record SamplerInput(string Name, Activation Buffer, int Height, int Width, int Channels, int Rows = 0)
{
    /// <summary>The input that takes the label of each image.</summary>
    internal const string Label = "label";

    /// <summary>The input that takes the mask of each picture, one channel as large as the state.</summary>
    internal const string Mask = "mask";

    /// <summary>The input that takes the state of each picture without what the mask shows.</summary>
    internal const string MaskedImage = "masked_image";

    /// <summary>Numbers of one image.</summary>
    public int Elements => Height * Width * Channels;
}

/// <summary>How prompts enter.</summary>
/// <param name="Input">Name of the <see cref="SamplerInput"/> that takes their tokens.</param>
/// <param name="Empty">Tokens of the empty prompt: beginning, end, then what fills the rest.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record PromptInput(string Input, IReadOnlyList<int> Empty)
{
    /// <summary>The tokenizer's <c>vocab.json</c>, packed with the weights (<see cref="Sampler.ReadText"/>); null where callers bring a tokenizer.</summary>
    public PackedText? Vocabulary { get; init; }

    /// <summary>Its <c>merges.txt</c>.</summary>
    public PackedText? Merges { get; init; }

    /// <summary>Name of the <see cref="SamplerInput"/> that takes the same tokens with another filling, for a second text encoder; null for none.</summary>
    public string? Second { get; init; }

    /// <summary>The token that fills it.</summary>
    public int Filling { get; init; }

    /// <summary>Name of the <see cref="SamplerInput"/> that is 1 where guidance leads away from no text at all, and else 0; null where that is the empty text.</summary>
    public string? None { get; init; }

    /// <summary>Whether an input's numbers follow from tokens.</summary>
    internal bool Gives(string input) => input == Input || input == Second || input == None;

    /// <summary>A text's tokens as the second text encoder reads them.</summary>
    /// <param name="tokens">As the first one does.</param>
    internal IEnumerable<int> Refill(IReadOnlyList<int> tokens)
    {
        int filling = Empty[^1], last = tokens.Count - 1;
        // The end token, which may itself be what fills the rest.
        bool ends = Empty.Count > 1 && filling == Empty[1];
        while (last > 0 && tokens[last] == filling && (!ends || tokens[last - 1] == filling)) last--;
        return tokens.Select((token, i) => i <= last ? token : Filling);
    }
}

/// <summary>Where a file lies among the packed weights.</summary>
/// <param name="Offset">Bytes from the start of the packed weights.</param>
/// <param name="Length">Bytes of the file.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct PackedText(long Offset, int Length);

/// <summary>Sizes of a map.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Channels">Channels.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct MapSize(int Height, int Width, int Channels);
