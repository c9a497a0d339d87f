using Specializer.Calibration;
using Specializer.Formats;

namespace Specializer.Reporting;

/// <summary>One image, drawn by FP32 and by the artefact from the same noise.</summary>
/// <param name="Label">What was asked for; −1 where the model takes no labels.</param>
/// <param name="SnrDb">Of the artefact's image to FP32's, dB; infinite where the two are equal.</param>
/// <param name="Float32">PNG.</param>
/// <param name="Quantized">PNG.</param>
public sealed record PicturePair(int Label, double SnrDb, ReadOnlyMemory<byte> Float32, ReadOnlyMemory<byte> Quantized)
{
    /// <summary>The prompt that was drawn; empty where the model takes none.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>Pairs of the images that a run kept; none where they are no pictures.</summary>
    /// <param name="float32">FP32's run.</param>
    /// <param name="artefact">The artefact's.</param>
    /// <param name="d">What both draw.</param>
    /// <param name="options">Prompts, and the first image.</param>
    /// <param name="seed">Of both runs.</param>
    internal static IReadOnlyList<PicturePair> Of(RowMeasurement float32, RowMeasurement artefact, SamplerDescription d, EvaluationOptions options, ulong seed)
    {
        if (d.Channels is not (1 or 3)) return [];
        int[] labels = TrajectoryLabels.Of(d.Classes, d.NullLabel, seed, options.FirstImage, float32.Kept.Count);
        int[] prompts = TrajectoryLabels.Of(options.Prompts.Count, none: -1, seed, options.FirstImage, float32.Kept.Count);
        return [.. float32.Kept.Zip(artefact.Kept).Select((p, i) => new PicturePair(
            labels.Length == 0 ? -1 : labels[i], new PairedImages(p.First, p.Second, p.First.Length).SnrDb(0), Png(p.First, d), Png(p.Second, d))
        {
            Prompt = prompts.Length == 0 ? "" : options.Prompts[prompts[i]],
        })];
    }

    private static byte[] Png(float[] pixels, SamplerDescription d) => PngWriter.Encode([.. pixels.Select(ImageGrid.ToByte)], d.Height, d.Width, d.Channels);
}
