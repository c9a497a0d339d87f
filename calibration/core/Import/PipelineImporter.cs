using Specializer.Manifest;
using Specializer.Text;

namespace Specializer.Calibration;

/// <summary>Reads the whole of a pipeline: beside the network that denoises, what makes a condition of a prompt and what turns latents into pictures.</summary>
public static class PipelineImporter
{
    private const string TextEncoder = "text_encoder", Tokenizer = "tokenizer", Whole = "Download the whole pipeline: hf download OWNER/MODEL --local-dir FOLDER.";

    /// <summary>Loads a model folder; of a network by itself it is what <see cref="DiffusersImporter.Load"/> gives.</summary>
    /// <param name="folder">A pipeline with <c>model_index.json</c>, or a network.</param>
    /// <param name="name">Name for files and messages; null for the folder's.</param>
    /// <param name="nullLabel">Label that means "none" for guidance; null when the model has none, and for one that prompts condition.</param>
    /// <param name="encoder">Whether the encoder of a model that draws latents is read with it, to begin with pictures.</param>
    /// <exception cref="ModelImportException">A part, file or tensor is missing, malformed or does not fit the others.</exception>
    /// <exception cref="UnsupportedModelException">A configuration asks for something that is not implemented.</exception>
    /// <exception cref="ArgumentException">The name or null label is not possible.</exception>
    public static ImportedModel Load(string folder, string? name = null, int? nullLabel = null, bool encoder = false)
    {
        ModelLayout layout = ModelLayout.Find(folder);
        PromptEncoder? text = layout.Pipeline is null ? null : Text(layout);
        ClassEmbedder? labels = layout.Pipeline?.Components.FirstOrDefault(c => c.Class == ClassEmbedder.ClassName) is { } embedder
            ? ClassEmbedder.Open(Path.Combine(layout.Folder, embedder.Name), layout.Notes) : null;
        // A label is one token: a row of a table.
        ImportedModel model = DiffusersImporter.Load(folder, name, labels is null ? nullLabel : null, text?.Tokens ?? (labels is null ? DiffusersImporter.DefaultTokens : 1));
        if (text is not null) RequireFit(text.Network, TextEncoder, model, layout);
        if (labels is not null)
        {
            RequireFit(labels.Network, ClassEmbedder.ClassName, model, layout);
            model = model with { Labels = labels, NullLabel = nullLabel ?? labels.NullLabel };
        }

        ImportedNetwork? decoder = model.Pipeline?.Decoder is { } component ? Decoder(component, layout, model) : null;
        ImportedNetwork? image = encoder && decoder is not null ? Encoder(model.Pipeline!.Decoder!, layout, decoder) : null;
        return model with
        {
            Text = text,
            Decoder = decoder,
            Encoder = image,
            Parameters = model.Parameters + (labels?.Network.Parameters ?? 0) + (text?.Network.Parameters ?? 0) + (decoder?.Parameters ?? 0) + (image?.Parameters ?? 0),
            ConfigurationSha256 = string.Concat(model.ConfigurationSha256, text?.Network.Sha256, labels?.Network.Sha256, decoder?.Sha256),
            Notes = [.. model.Notes, .. layout.Notes.Except(model.Notes)],
        };
    }

    private static PromptEncoder? Text(ModelLayout layout)
    {
        PipelineComponent[] encoders = [.. layout.Pipeline!.Components.Where(c => c.Name.StartsWith(TextEncoder, StringComparison.Ordinal))];
        if (encoders.Length == 0) return null;
        if (encoders.FirstOrDefault(c => c.Name != TextEncoder || c.Class is not ("CLIPTextModel" or "")) is { } other)
            throw new UnsupportedModelException(layout.Pipeline.File, other.Name, $"\"{other.Class}\"", $"Supported: one '{TextEncoder}', a \"CLIPTextModel\".");
        string words = Path.Combine(layout.Folder, Tokenizer);
        ClipTokenizer tokenizer = OpenTokenizer(words);
        string folder = Path.Combine(layout.Folder, TextEncoder);
        ConfigurationReader config = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        TextEncoderConfiguration configuration = TextEncoderConfiguration.Read(config);
        if (tokenizer.Length > configuration.Positions)
        {
            throw new ModelImportException(config.File, "max_position_embeddings",
                $"there are {configuration.Positions} positions, and the tokenizer's model_max_length is {tokenizer.Length}. The two folders do not belong together; download both again.");
        }

        return new(Read(folder, config, layout.Notes, PipelinePart.TextEncoder, 1, tokenizer.Length), tokenizer)
        {
            Vocabulary = ModelFile.ReadAll(Path.Combine(words, "vocab.json")),
            Merges = ModelFile.ReadAll(Path.Combine(words, "merges.txt")),
        };
    }

    private static ClipTokenizer OpenTokenizer(string folder)
    {
        if (!Directory.Exists(folder))
            throw new ModelImportException(folder, null, $"the folder does not exist, and without a tokenizer no prompt can be read. {Whole}");
        try
        {
            return ClipTokenizer.Load(folder);
        }
        catch (TokenizerException e)
        {
            throw new ModelImportException(e.File, null, e.Message[(MessageText.Harmless(e.File).Length + 2)..], e);
        }
    }

    private static void RequireFit(ImportedNetwork encoder, string name, ImportedModel model, ModelLayout layout)
    {
        if (model.Network.Maps.FirstOrDefault(m => m.Name == UNetImporter.Context) is not { } context)
        {
            throw new UnsupportedModelException(layout.Pipeline!.File, name, $"\"{model.Architecture}\"",
                $"The network takes no conditions of this kind. Supported: '{name}' beside a \"UNet2DConditionModel\".");
        }

        if (encoder.Output.Channels != context.Channels)
        {
            throw new ModelImportException(layout.Configuration, "cross_attention_dim",
                $"is {context.Channels}; '{name}' gives {encoder.Output.Channels} channels. The two folders do not belong together; download both again.");
        }
    }

    private static ImportedNetwork Decoder(PipelineComponent component, ModelLayout layout, ImportedModel model)
    {
        string folder = Path.Combine(layout.Folder, component.Name);
        if (!Directory.Exists(folder))
            throw new ModelImportException(folder, null, $"the folder does not exist, and without {component.Class} latents do not become pictures. {Whole}");
        ConfigurationReader config = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        var (factor, channels) = PartImporter.Latents(config);
        if (channels != model.Channels)
        {
            throw new ModelImportException(config.File, "latent_channels",
                $"is {channels}; the network draws {model.Channels} channels. The two folders do not belong together; download both again.");
        }

        return Unscale(Read(folder, config, layout.Notes, PipelinePart.Decoder, model.Height, model.Width), factor);
    }

    private static ImportedNetwork Encoder(PipelineComponent component, ModelLayout layout, ImportedNetwork decoder)
    {
        string folder = Path.Combine(layout.Folder, component.Name);
        ConfigurationReader config = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        var (factor, channels) = PartImporter.Latents(config);
        return LatentEncoder.Of(Read(folder, config, layout.Notes, PipelinePart.Encoder, decoder.Output.Height, decoder.Output.Width), channels, (float)factor);
    }

    private static ImportedNetwork Read(string folder, ConfigurationReader config, List<string> notes, PipelinePart part, int height, int width) =>
        PartImporter.OpenWeights(folder, part == PipelinePart.TextEncoder, notes).Import(weights => PartImporter.Import(config, weights, part, height, width) with { Sha256 = weights.Sha256 + config.Sha256 });

    /// <summary>Latents are denoised at about unit variance; the decoder was trained on them divided by the factor that gave it.</summary>
    private static ImportedNetwork Unscale(ImportedNetwork decoder, double factor)
    {
        if (factor == 1) return decoder;
        Network network = decoder.Network;
        const string Operation = "scaling_factor";
        Map latent = network.Maps.Single(m => m.Name == network.Latent);
        Network inner = network.Rename(name => name, map => map == latent.Name ? Operation : map);
        return decoder with
        {
            Network = inner with
            {
                Latent = latent.Name,
                Maps = inner.Maps.Prepend(latent).ToEquatableArray(),
                Operations = inner.Operations.Prepend(new LinearMapOperation(Operation, latent.Name, Operation, Number.From((float)(1 / factor)), Number.From(0))).ToEquatableArray(),
            },
        };
    }
}
