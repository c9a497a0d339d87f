using System.Globalization;
using System.Text;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Which images an artefact was calibrated on: figures of these flatter it.</summary>
public static class CalibratedImages
{
    /// <summary>A warning where images are among those that an artefact was calibrated on or chosen by; null where they are not.</summary>
    /// <param name="manifestPath">Path of <c>NAME.calibration.json</c>.</param>
    /// <param name="seed">Seed of the images.</param>
    /// <param name="firstImage">Index of the first.</param>
    /// <param name="count">Number of images.</param>
    /// <exception cref="ArtifactException">The manifest is malformed.</exception>
    /// <exception cref="IOException">The file is missing or unreadable.</exception>
    public static string? Overlap(string manifestPath, ulong seed, long firstImage, int count)
    {
        ManifestResult result = ManifestReader.Read(Encoding.UTF8.GetString(RegularFile.ReadAll(manifestPath, JsonReader.MaximumLength)));
        return result.Manifest is { } manifest ? Overlap(manifest.Provenance, seed, firstImage, count)
            : throw new ArtifactException(manifestPath, string.Join(Environment.NewLine, result.Errors.Select(e => $"({e.Line},{e.Column}): {e.Id}: {e.Message}")));
    }

    /// <summary>The same for what a manifest records.</summary>
    internal static string? Overlap(Provenance provenance, ulong seed, long firstImage, int count)
    {
        // The held-out images, which chose the corrections, follow the trajectories.
        long end = provenance.Trajectories + (long)HeldOutImages.Count(new() { Trajectories = provenance.Trajectories });
        if (seed != (ulong)provenance.FirstSeed || firstImage >= end || firstImage + count <= 0) return null;
        return string.Create(CultureInfo.InvariantCulture,
            $"The model was calibrated on the images 0 to {end - 1} of seed {seed}, and some of these are among them: their figures flatter it. Use another seed to judge it.");
    }
}
