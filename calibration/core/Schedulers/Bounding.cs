using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>How a predicted original is kept within bounds: not at all, by a fixed clip, or by a threshold that follows the picture, which excludes the clip.</summary>
/// <param name="Clip">Bound of the clip, or null.</param>
/// <param name="Quantile">Quantile of the threshold, or null.</param>
/// <param name="Maximum">Largest threshold.</param>
internal sealed record Bounding(double? Clip = null, double? Quantile = null, double Maximum = 1)
{
    public static Bounding None { get; } = new();

    public bool IsNone => Clip is null && Quantile is null;

    /// <summary>The settings of a scheduler that knows thresholding, and clipping where <paramref name="clips"/> says whether it does when nothing is said.</summary>
    public static Bounding Read(ConfigurationReader configuration, bool? clips = null, bool thresholds = true)
    {
        if (thresholds && configuration.Flag("thresholding", false))
        {
            return new(null, configuration.Number("dynamic_thresholding_ratio", 0.995, 0, 1),
                configuration.Number("sample_max_value", 1, 1, float.MaxValue));
        }

        return clips is { } absent && configuration.Flag("clip_sample", absent) ? new(configuration.Positive("clip_sample_range", 1)) : None;
    }

    public Statement? Statement(Register target) =>
        Quantile is { } quantile ? new ThresholdStatement(target, quantile, Maximum)
        : Clip is { } clip ? new ClipStatement(target, clip)
        : null;
}
