using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Reads the whole of a pipeline: beside the network that denoises, what makes a condition of a prompt and what turns latents into pictures.</summary>
public static class PipelineImporter
{
    internal const string Whole = "Download the whole pipeline: hf download OWNER/MODEL --local-dir FOLDER.";

    private const string TextEncoder = PromptEncoderImporter.TextEncoder;

    /// <summary>Loads a model folder; of a network by itself it is what <see cref="DiffusersImporter.Load"/> gives.</summary>
    /// <param name="folder">A pipeline with <c>model_index.json</c>, or a network.</param>
    /// <param name="name">Name for files and messages; null for the folder's.</param>
    /// <param name="nullLabel">Label that means "none" for guidance; null when the model has none, and for one that prompts condition.</param>
    /// <param name="encoder">Whether the encoder of a model that draws latents is read with it, to begin with pictures.</param>
    /// <param name="size">Rows and columns of a picture; null for those that the network's configuration names. Shapes are compiled in, and so are the sizes that Stable Diffusion XL is told.</param>
    /// <param name="clipSkip">Last layers of each text encoder that are left out, diffusers' <c>clip_skip</c>: with L layers, Stable Diffusion 1 and 2 read those behind layer L − <paramref name="clipSkip"/> after the final norm,
    /// Stable Diffusion XL those behind layer L − 1 − <paramref name="clipSkip"/> without it and the text's summary of the whole encoder. Negative prompts are read so, too; diffusers 0.30.3 reads theirs with 0.</param>
    /// <param name="tokens">Tokens of the contexts that are given (<see cref="GivenContexts"/>) in place of prompts and labels: text encoder and table of classes are then not read. Null for a pipeline's own, or, of a network by itself, <see cref="DiffusersImporter.DefaultTokens"/>.</param>
    /// <exception cref="ModelImportException">A part, file or tensor is missing, malformed or does not fit the others. Where that is so of several parts, the message says all, and the inner exception is an <see cref="AggregateException"/> of theirs.</exception>
    /// <exception cref="UnsupportedModelException">The configuration of one part asks for something that is not implemented.</exception>
    /// <exception cref="ArgumentException">The name, null label or size is not possible; or layers are to be left out where there is no text encoder, or as many as one has.</exception>
    public static ImportedModel Load(string folder, string? name = null, int? nullLabel = null, bool encoder = false, (int Height, int Width)? size = null, int clipSkip = 0, int? tokens = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens ?? 1, 1, nameof(tokens));
        ModelLayout layout = ModelLayout.Find(folder);
        var faults = new PartFaults();
        PromptEncoder? text = layout.Pipeline is null || tokens is not null ? null : faults.Read(() => PromptEncoderImporter.Read(layout, clipSkip));
        if (clipSkip != 0 && text is null && faults.None)
            throw new ArgumentException($"{layout.Folder} has no text encoder{(tokens is null ? "" : ", or contexts are given in its place")}, so a clip skip of {clipSkip} is not possible: none of its layers can be left out. Leave the clip skip out, or name the folder of a pipeline with a text encoder.");
        PipelineComponent? embedder = tokens is null ? layout.Pipeline?.Components.FirstOrDefault(c => c.Class == ClassEmbedder.ClassName) : null;
        ClassEmbedder? labels = embedder is null ? null : faults.Read(() => ClassEmbedder.Open(Path.Combine(layout.Folder, embedder.Name), layout.Notes));
        LatentAutoencoder? autoencoder = layout.Pipeline?.Decoder is { } component ? faults.Read(() => LatentAutoencoder.Open(layout, component)) : null;
        // A label is one token: a row of a table.
        TextConditions conditions = text is null ? new(tokens ?? (embedder is null ? DiffusersImporter.DefaultTokens : 1)) { TakesPictures = tokens is not null && layout.Pipeline?.Decoder is not null } : Conditions(text, layout);
        // Behind a fault the others are looked for, and nothing fits what could not be read.
        conditions = conditions with { Size = faults.None ? size : null, Factor = autoencoder?.Factor ?? 1 };
        ImportedModel? model = faults.Read(() => DiffusersImporter.Read(folder, name, embedder is null ? nullLabel : null, conditions));
        foreach (var (condition, part) in (ReadOnlySpan<(ImportedNetwork?, string)>)[(text?.Network, TextEncoder), (labels?.Network, ClassEmbedder.ClassName)])
            if (condition is not null && model is not null) faults.Check(() => RequireFit(condition, part, model, layout));
        ImportedNetwork? decoder = autoencoder is null ? null : faults.Read(() => autoencoder.Decoder(model, layout.Notes));
        ImportedNetwork? image = autoencoder is null || !encoder ? null : faults.Read(() => autoencoder.Encoder(decoder, layout.Notes));
        faults.Throw();
        if (labels is not null) model = model! with { Labels = labels, NullLabel = nullLabel ?? labels.NullLabel };
        return model! with
        {
            Text = text,
            Decoder = decoder,
            Encoder = image,
            Parameters = model.Parameters + (labels?.Network.Parameters ?? 0) + (text?.Network.Parameters ?? 0) + (decoder?.Parameters ?? 0) + (image?.Parameters ?? 0),
            ConfigurationSha256 = string.Concat(model.ConfigurationSha256, text?.Network.Sha256, labels?.Network.Sha256, decoder?.Sha256, size is var (height, width) ? string.Create(CultureInfo.InvariantCulture, $"{height}×{width}") : "",
                clipSkip == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"clip_skip {clipSkip}")),
            Notes = [.. model.Notes, .. layout.Notes.Except(model.Notes)],
            Ignored = [.. model.Ignored, .. ((ImportedNetwork?[])[text?.Network, labels?.Network, decoder]).SelectMany(part => part?.Ignored ?? [])],
        };
    }

    /// <summary>Loads the model of an artefact as it was loaded to be calibrated. Whether it is the same one is not asked.</summary>
    /// <param name="folder">The model's.</param>
    /// <param name="manifest">The artefact's.</param>
    internal static ImportedModel LoadFor(string folder, CalibrationManifest manifest)
    {
        ImportedModel model = Load(
            folder, manifest.Model.Name, manifest.Model.NullLabel < 0 ? null : manifest.Model.NullLabel, manifest.ReadsMask, LinkedNetwork.Of(manifest).PictureSize, manifest.Prompt?.ClipSkip ?? 0,
            manifest.Encoders.Count > 0 ? null : manifest.Network.Maps.FirstOrDefault(m => m.Name == UNetImporter.Context)?.Width);
        // Of another model, which is told elsewhere, it has no meaning.
        return manifest.Model.EmbeddedGuidance is { } scale && model.EmbeddedGuidance is not null ? model with { EmbeddedGuidance = scale } : model;
    }

    private static TextConditions Conditions(PromptEncoder text, ModelLayout layout)
    {
        Dictionary<string, int> channels = text.Network.Network.AllOutputs().ToDictionary(name => name, name => text.Network.Network.Maps.Single(m => m.Name == name).Channels, StringComparer.Ordinal);
        return new(text.Tokens)
        {
            SecondChannels = channels.GetValueOrDefault(UNetImporter.SecondContext), SummaryChannels = channels.GetValueOrDefault(UNetImporter.Summary),
            TakesPictures = layout.Pipeline!.Decoder is not null,
        };
    }

    private static void RequireFit(ImportedNetwork encoder, string name, ImportedModel model, ModelLayout layout)
    {
        if (model.Network.Maps.FirstOrDefault(m => m.Name == UNetImporter.Context) is not { } context)
        {
            throw new UnsupportedModelException(layout.Pipeline!.File, name, $"\"{model.Architecture}\"",
                $"The network takes no conditions of this kind. Supported: '{name}' beside a \"UNet2DConditionModel\".");
        }

        Map? second = encoder.Network.Maps.FirstOrDefault(m => m.Name == UNetImporter.SecondContext);
        int given = encoder.Output.Channels + (second?.Channels ?? 0), read = context.Channels + (model.Network.Maps.FirstOrDefault(m => m.Name == UNetImporter.SecondContext)?.Channels ?? 0);
        if (given != read)
        {
            throw new ModelImportException(layout.Configuration, "cross_attention_dim",
                $"is {read}; '{name}' gives {given} channels. The two folders do not belong together; download both again.");
        }

        if (second is not null && !model.Network.Inputs.Contains(UNetImporter.Summary))
        {
            throw new ModelImportException(layout.Configuration, "projection_class_embeddings_input_dim",
                $"does not hold the {encoder.Network.Maps.Single(m => m.Name == UNetImporter.Summary).Channels} channels of a text's summary and 6 sizes of addition_time_embed_dim channels each. The network and its text encoders do not belong together; download them again.");
        }
    }
}
