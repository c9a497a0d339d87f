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
    public const string EncoderName = "text_encoder", LabelsName = "class_embedder", ImageEncoderName = "image_encoder", DecoderName = "decoder";

    /// <summary>From a label to its context, a table in FP32; null where labels have none.</summary>
    public QuantizedPart? Labels { get; init; }

    /// <summary>From a given picture to a state; null where none can be given, or it is one.</summary>
    public QuantizedPart? ImageEncoder { get; init; }

    /// <summary>Rows and columns of the pictures that the decoder makes at a time; 0 for the whole.</summary>
    public int Tile { get; init; }

    /// <summary>The label that means "none" to <see cref="Labels"/>; −1 for none.</summary>
    public int NullLabel { get; init; } = -1;

    /// <summary>A model's parts without integers.</summary>
    public static PipelineParts Float32(ImportedModel model) =>
        new PipelineParts(model.Text is { } text ? Exact(text.Network) : null, model.Text, model.Decoder is { } decoder ? Exact(decoder) : null) { ImageEncoder = model.Encoder is { } encoder ? Exact(encoder) : null }.With(model);

    /// <summary>These parts, and the table of a model's labels, if any.</summary>
    public PipelineParts With(ImportedModel model) => model.Labels is { } labels ? this with { Labels = Exact(labels.Network), NullLabel = model.NullLabel } : this;

    /// <summary>What texts become; null without prompts.</summary>
    public Prompt? Prompt => TextEncoder is null ? null : Text!.Prompt;

    /// <summary>All networks as one.</summary>
    /// <param name="network">The one that is sampled.</param>
    public LinkedNetwork Link(Network network) => LinkedNetwork.Of(network, Encoders(), Last(), image: Image());

    /// <summary>The manifest with these networks.</summary>
    public CalibrationManifest AddTo(CalibrationManifest manifest) => manifest with
    {
        Encoders = Encoders().ToEquatableArray(),
        ImageEncoder = Image(),
        Decoder = Tiles is { } tiles ? Last()! with { Network = tiles.Network } : Last(),
        DecoderOverlap = Tiles?.Overlap ?? 0,
        Prompt = Prompt,
        Model = Labels is null ? manifest.Model : manifest.Model with { Classes = Labels.Quantized.Network.Operations.OfType<LookupOperation>().Single().Rows, NullLabel = NullLabel },
    };

    /// <summary>The bytes of a tensor of any network.</summary>
    /// <param name="name">As all networks together have it.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="sampled">Gives those of the network that is sampled.</param>
    public byte[] Bytes(string name, long length, Func<string, long, byte[]> sampled) =>
        Own(EncoderName, TextEncoder, name) ?? Own(LabelsName, Labels, name) ?? Own(ImageEncoderName, ImageEncoder, name) ?? Own(DecoderName, Decoder, name) ?? sampled(name, length);

    /// <summary>Adds the tensors to a file.</summary>
    public void AddTo(SafetensorsWriter writer)
    {
        TextEncoder?.Tensors.AddTo(writer, $"{EncoderName}.");
        Labels?.Tensors.AddTo(writer, $"{LabelsName}.");
        ImageEncoder?.Tensors.AddTo(writer, $"{ImageEncoderName}.");
        Decoder?.Tensors.AddTo(writer, $"{DecoderName}.");
        if (Text is null) return;
        writer.Add(Prompt.VocabularyTensor, Text.Vocabulary, Text.Vocabulary.Length);
        writer.Add(Prompt.MergesTensor, Text.Merges, Text.Merges.Length);
    }

    private static QuantizedPart Exact(ImportedNetwork network)
    {
        string[] convolutions = [.. network.Network.Operations.OfType<ConvolutionOperation>().Select(o => o.Name)];
        var same = QuantizedNetwork.Of(network.Network, 8, convolutions).Store(network.Halves);
        return new(same, new(network.Tensors, 0, same.Network, new(), secondOrder: false), []);
    }

    private static byte[]? Own(string network, QuantizedPart? part, string name) =>
        part is not null && name.StartsWith($"{network}.", StringComparison.Ordinal) ? part.Tensors.Bytes(name[(network.Length + 1)..], 0) : null;

    private IEnumerable<TimelessNetwork> Encoders() =>
        TextEncoder is not null ? [Timeless(EncoderName, TextEncoder, UNetImporter.Context)] : Labels is not null ? [Timeless(LabelsName, Labels, UNetImporter.Context)] : [];

    private TimelessNetwork? Image() => ImageEncoder is null ? null : Timeless(ImageEncoderName, ImageEncoder, ImageEncoder.Quantized.Network.Epsilon);

    private DecoderTiles? Tiles => Tile == 0 ? null : DecoderTiles.Of(Last()!.Network, Tile);

    private TimelessNetwork? Last() => Decoder is null ? null : Timeless(DecoderName, Decoder, Decoder.Quantized.Network.Epsilon);

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
