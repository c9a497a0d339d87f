using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What a manifest says of the imported model, in the source library's spelling, and of the labels that its network itself knows.</summary>
internal static class ManifestIdentities
{
    public static ModelIdentity ModelIdentity(this ImportedModel model) => new(
        model.Name, model.Architecture, model.Sha256, model.Parameters, model.Height, model.Width, model.Channels, model.Network.Embedding.Classes, model.Labels is null ? model.NullLabel : -1)
    {
        EmbeddedGuidance = model.EmbeddedGuidance,
    };
}
