using Specializer.Manifest;

namespace Specializer.Fuzz;

/// <summary>A manifest and the weights that go with it.</summary>
/// <param name="Text">The manifest as written.</param>
/// <param name="Manifest">The manifest as read.</param>
/// <param name="Tensor">Gives the little-endian bytes of a tensor, by its name and their number.</param>
internal sealed record RandomArtifact(string Text, CalibrationManifest Manifest, Func<string, long, byte[]> Tensor)
{
    /// <summary>Reads a manifest.</summary>
    /// <param name="text">It.</param>
    /// <param name="tensor">Its weights; null for random ones.</param>
    /// <exception cref="InvalidOperationException">It is refused.</exception>
    public static RandomArtifact Of(string text, Func<string, long, byte[]>? tensor = null)
    {
        ManifestResult result = ManifestReader.Read(text);
        return result.Manifest is { } manifest ? new(text, manifest, tensor ?? RandomWeights.Tensor(manifest))
            : throw new InvalidOperationException($"The manifest is refused: {result.Errors[0].Id} {result.Errors[0].Message}");
    }
}
