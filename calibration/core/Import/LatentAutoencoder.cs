using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>The part of a pipeline that turns latents into pictures, and pictures into latents.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Config">Its configuration.</param>
/// <param name="Scale">What latents are divided by before they are decoded.</param>
/// <param name="Channels">Of a latent.</param>
/// <param name="Factor">Pixels of a picture, in each direction, for one of the state.</param>
internal sealed record LatentAutoencoder(string Folder, ConfigurationReader Config, double Scale, int Channels, int Factor)
{
    /// <exception cref="ModelImportException">The folder or its configuration is missing or malformed.</exception>
    /// <exception cref="UnsupportedModelException">The configuration asks for something that is not implemented.</exception>
    public static LatentAutoencoder Open(ModelLayout layout, PipelineComponent component)
    {
        string folder = Path.Combine(layout.Folder, component.Name);
        if (!Directory.Exists(folder))
            throw new ModelImportException(folder, null, $"the folder does not exist, and without {component.Class} latents do not become pictures. {PipelineImporter.Whole}");
        ConfigurationReader config = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        // A decoder by itself reads latents as they are given.
        foreach (string key in (string[])["latents_mean", "latents_std"]) config.Require(key, "Supported: null.", "null");
        config.ThrowIfRefused();
        var (scale, channels) = PartImporter.Latents(config);
        return new(folder, config, scale, channels, PartImporter.Factor(config));
    }

    /// <param name="model">Draws the latents; null where it could not be read: the tensors are looked at then.</param>
    /// <param name="notes">Receives what was taken where the usual file is not there.</param>
    /// <exception cref="ModelImportException">A tensor is missing or malformed, or the network draws other latents.</exception>
    public ImportedNetwork Decoder(ImportedModel? model, List<string> notes)
    {
        if (model is not null && Channels != model.Channels)
        {
            throw new ModelImportException(Config.File, "latent_channels",
                $"is {Channels}; the network draws {model.Channels} channels. The two folders do not belong together; download both again.");
        }

        return Unscale(Read(notes, PipelinePart.Decoder, model?.Height ?? 1, model?.Width ?? 1));
    }

    /// <param name="decoder">Draws the pictures; null where it could not be read: the tensors are looked at then.</param>
    /// <param name="notes">Receives what was taken where the usual file is not there.</param>
    /// <exception cref="ModelImportException">A tensor is missing or malformed.</exception>
    public ImportedNetwork Encoder(ImportedNetwork? decoder, List<string> notes) =>
        LatentEncoder.Of(Read(notes, PipelinePart.Encoder, decoder?.Output.Height ?? Factor, decoder?.Output.Width ?? Factor), Channels, (float)Scale);

    private ImportedNetwork Read(List<string> notes, PipelinePart part, int height, int width) =>
        PartImporter.OpenWeights(Folder, text: false, notes).Import(weights => PartImporter.Import(Config, weights, part, height, width) with { Sha256 = weights.Sha256 + Config.Sha256, Ignored = [.. Config.Ignored] });

    /// <summary>Latents are denoised at about unit variance; the decoder was trained on them divided by the factor that gave it.</summary>
    private ImportedNetwork Unscale(ImportedNetwork decoder)
    {
        if (Scale == 1) return decoder;
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
                Operations = inner.Operations.Prepend(new LinearMapOperation(Operation, latent.Name, Operation, Number.From((float)(1 / Scale)), Number.From(0))).ToEquatableArray(),
            },
        };
    }
}
