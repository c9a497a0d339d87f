using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What stands in an artefact beside the network that is sampled.</summary>
/// <param name="TextEncoder">From a prompt's tokens to its context; null without prompts.</param>
/// <param name="Text">The tokenizer, which travels with the weights; null without prompts.</param>
/// <param name="Decoder">From the state to the picture; null where the state is the picture.</param>
internal sealed record PipelineParts(QuantizedPart? TextEncoder, PromptEncoder? Text, QuantizedPart? Decoder)
{
    /// <summary>Names of the networks in a manifest.</summary>
    public const string EncoderName = "text_encoder", DecoderName = "decoder";

    /// <summary>The manifest with these networks.</summary>
    public CalibrationManifest AddTo(CalibrationManifest manifest) => manifest with
    {
        Encoders = TextEncoder is null ? default : new([Timeless(EncoderName, TextEncoder, UNetImporter.Context)]),
        Decoder = Decoder is null ? null : Timeless(DecoderName, Decoder, Decoder.Quantized.Network.Epsilon),
        Prompt = TextEncoder is null ? null : new(TextEncoder.Quantized.Network.Latent, Text!.Ids("").ToEquatableArray()) { Vocabulary = Text.Vocabulary.Length, Merges = Text.Merges.Length },
    };

    /// <summary>Adds the tensors to a file.</summary>
    public void AddTo(SafetensorsWriter writer)
    {
        TextEncoder?.Tensors.AddTo(writer, $"{EncoderName}.");
        Decoder?.Tensors.AddTo(writer, $"{DecoderName}.");
        if (Text is null) return;
        writer.Add(Prompt.VocabularyTensor, Text.Vocabulary, Text.Vocabulary.Length);
        writer.Add(Prompt.MergesTensor, Text.Merges, Text.Merges.Length);
    }

    /// <param name="name">Of the network in the manifest.</param>
    /// <param name="part">What it is made of.</param>
    /// <param name="output">What its output is called there: inputs and outputs of one name are one map.</param>
    private static TimelessNetwork Timeless(string name, QuantizedPart part, string output)
    {
        Network network = part.Quantized.Network;
        return new(name, network.Rename(operation => operation, map => map == network.Epsilon ? output : map),
            part.Ranges.Select(r => Number.From(r.Scale)).ToEquatableArray(), part.Ranges.Select(r => r.ZeroPoint).ToEquatableArray(), part.Ranges.Select(r => r.Levels).ToEquatableArray());
    }
}
