namespace Specializer.Calibration;

/// <summary>Turns one part of a pipeline, a decoder, an encoder or a text encoder of any supported class, into a network.</summary>
internal static class PartImporter
{
    /// <summary>Opens the weights in a part's folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="text">Whether it is a text encoder, whose files transformers names.</param>
    /// <param name="notes">Receives what was taken where the usual file is not there.</param>
    /// <exception cref="ModelImportException">There are none, or it is not certain which are meant, or they are malformed.</exception>
    public static ModelWeights OpenWeights(string folder, bool text, List<string> notes) =>
        text ? ModelWeights.Open(folder, null, notes, ModelWeights.UsualOfText) : ModelWeights.Open(folder, null, notes);

    /// <param name="json">The part's <c>config.json</c>.</param>
    /// <param name="weights">Its weights, which must stay open as long as the network is in use.</param>
    /// <param name="part">Which.</param>
    /// <param name="height">Rows of what goes in; of no meaning for a text encoder.</param>
    /// <param name="width">Columns of what goes in; for a text encoder tokens, 0 for as many as there are positions.</param>
    /// <param name="quantize">Whether a <c>VQModel</c>'s decoder takes latents to its codebook first.</param>
    /// <param name="clipSkip">Last layers of a text encoder that are left out; of no meaning for others.</param>
    /// <exception cref="ModelImportException">A tensor is missing, malformed or does not fit.</exception>
    /// <exception cref="UnsupportedModelException">The configuration asks for something that is not implemented.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not possible, or so many layers cannot be left out.</exception>
    public static ImportedNetwork Import(ConfigurationReader json, ModelWeights weights, PipelinePart part, int height, int width, bool quantize = true, int clipSkip = 0)
    {
        ImportedNetwork network = part == PipelinePart.TextEncoder ? TextEncoder(json, weights.Tensors, width, clipSkip) : Autoencoder(json, weights.Tensors, part, height, width, quantize);
        // Of an autoencoder one half is taken.
        weights.Check(partly: part != PipelinePart.TextEncoder);
        return network with { StoredType = weights.Type };
    }

    /// <summary>Pixels of a picture, in each direction, for one of a latent.</summary>
    public static int Factor(ConfigurationReader json) => IsTiny(json) ? TinyAutoencoderConfiguration.Read(json).Factor : AutoencoderConfiguration.Read(json).Factor;

    /// <summary>What latents are divided by before they are decoded, and how many channels they have.</summary>
    public static (double Factor, int Channels) Latents(ConfigurationReader json)
    {
        if (IsTiny(json)) return (1, TinyAutoencoderConfiguration.Read(json).LatentChannels);
        AutoencoderConfiguration configuration = AutoencoderConfiguration.Read(json);
        return (configuration.ScalingFactor, configuration.LatentChannels);
    }

    private static ImportedNetwork TextEncoder(ConfigurationReader json, SourceTensors tensors, int tokens, int clipSkip)
    {
        TextEncoderConfiguration configuration = TextEncoderConfiguration.Read(json);
        // The projection is a network of its own.
        if (configuration.Projection > 0) TextEncoderImporter.Summary(configuration, tensors);
        return TextEncoderImporter.Import(configuration, tensors, tokens == 0 ? null : tokens, clipSkip);
    }

    private static ImportedNetwork Autoencoder(ConfigurationReader json, SourceTensors tensors, PipelinePart part, int height, int width, bool quantize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        bool decodes = part == PipelinePart.Decoder;
        if (IsTiny(json))
        {
            TinyAutoencoderConfiguration tiny = TinyAutoencoderConfiguration.Read(json);
            RequireWhole(tiny.Factor);
            return decodes ? TinyAutoencoderImporter.Decoder(tiny, tensors, height, width) : TinyAutoencoderImporter.Encoder(tiny, tensors, height, width);
        }

        AutoencoderConfiguration configuration = AutoencoderConfiguration.Read(json);
        RequireWhole(configuration.Factor);
        return decodes ? AutoencoderImporter.Decoder(configuration, tensors, height, width, quantize) : AutoencoderImporter.Encoder(configuration, tensors, height, width);

        void RequireWhole(int factor)
        {
            if (!decodes && (height % factor != 0 || width % factor != 0))
                throw new ArgumentOutOfRangeException(nameof(height), $"A picture of {height}×{width} pixels is no whole number of latents of {factor}×{factor} pixels.");
        }
    }

    private static bool IsTiny(ConfigurationReader json) => json.Text("_class_name", "") == "AutoencoderTiny";
}
