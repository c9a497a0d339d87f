using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Looks at the folder of a decoder or text encoder by itself.</summary>
internal static class PartInspection
{
    // Rows and columns of latents, as where a part is exported.
    private const int Latents = 64;

    /// <param name="folder">Of a part.</param>
    /// <param name="size">Rows and columns of a decoder's pictures; null for those of 64×64 latents.</param>
    /// <param name="clipSkip">Last layers of a text encoder that are left out.</param>
    /// <exception cref="ArgumentException">Size or clip skip is not possible.</exception>
    /// <exception cref="ModelImportException">A file or tensor is missing, malformed or not supported.</exception>
    public static ModelInspection Of(string folder, (int Height, int Width)? size, int clipSkip)
    {
        ConfigurationReader json = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        bool text = PartVerification.IsText(json);
        if (text && size is not null) throw new ArgumentException($"{folder} holds a text encoder, which draws no pictures, so there is no size. Leave the size out.");
        if (!text && clipSkip != 0) throw new ArgumentException($"{folder} holds no text encoder, so a clip skip of {clipSkip} is not possible. Leave the clip skip out.");
        var (height, width) = text ? (1, 0) : size is { } picture ? PictureSize.State(picture, PartImporter.Factor(json), 1) : (Latents, Latents);
        List<string> notes = ["A part of a pipeline: verify and export take it by itself, calibrate takes the pipeline's folder."];
        if (!text && size is null) notes.Add("Looked at with latents of 64×64; --size names the size of pictures.");
        using ModelWeights weights = PartImporter.OpenWeights(folder, text, notes);
        Network network = weights.Import(w => PartImporter.Import(json, w, text ? PipelinePart.TextEncoder : PipelinePart.Decoder, height, width, clipSkip: clipSkip)).Network;
        var (networks, layers) = text ? NetworkInspection.Of([(PipelineParts.EncoderName, network)], null, null, 0) : NetworkInspection.Of([], null, (PipelineParts.DecoderName, network), 0);
        Map output = network.Maps.Single(m => m.Name == network.Epsilon);
        return new()
        {
            Name = PartVerification.NameOf(folder), IsArtifact = false, Architecture = PartVerification.ClassOf(json), Extents = [output.Height, output.Width, output.Channels], ClipSkip = clipSkip,
            Parameters = networks[0].Parameters, Storage = weights.Type.ToString(), ActivationBytes = ModelInspection.Activations(LinkedNetwork.Of(network)), Networks = networks, Layers = layers, Notes = notes, Ignored = [.. json.Ignored],
        };
    }
}
