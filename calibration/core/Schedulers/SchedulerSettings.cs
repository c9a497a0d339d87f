namespace Specializer.Calibration;

/// <summary>Settings that many schedulers share, read with the default of each.</summary>
internal static class SchedulerSettings
{
    /// <summary>What m is.</summary>
    /// <param name="configuration">The scheduler's file.</param>
    /// <param name="sample">Whether the scheduler can do with a predicted original.</param>
    public static PredictionType Prediction(this ConfigurationReader configuration, bool sample = true) => configuration.Text("prediction_type", "epsilon") switch
    {
        "epsilon" => PredictionType.Epsilon,
        "v_prediction" => PredictionType.VPrediction,
        "sample" when sample => PredictionType.Sample,
        _ => throw new UnsupportedModelException(configuration.File, "prediction_type", configuration.Raw("prediction_type"),
            $"This scheduler knows epsilon, v_prediction{(sample ? ", sample" : "")}."),
    };

    /// <summary>Which training timesteps are visited.</summary>
    public static TimestepSpacing Spacing(this ConfigurationReader configuration, TimestepSpacing absent) =>
        configuration.Choice("timestep_spacing", absent,
            ("leading", TimestepSpacing.Leading), ("linspace", TimestepSpacing.Linspace), ("trailing", TimestepSpacing.Trailing));

    /// <summary>Added to every timestep under leading spacing.</summary>
    public static int StepsOffset(this ConfigurationReader configuration) => configuration.Integer("steps_offset", 0, 0, 1_000_000);

    /// <summary>Whether the last σ is 0; otherwise it is the smallest trained one.</summary>
    public static bool EndsAtZero(this ConfigurationReader configuration) =>
        configuration.Choice("final_sigmas_type", true, ("zero", true), ("sigma_min", false));

    /// <summary>One of a few texts.</summary>
    /// <exception cref="UnsupportedModelException">Another text.</exception>
    public static T Choice<T>(this ConfigurationReader configuration, string key, T absent, params ReadOnlySpan<(string Text, T Value)> choices)
    {
        if (!configuration.Has(key))
        {
            foreach (var (name, value) in choices)
            {
                if (!EqualityComparer<T>.Default.Equals(value, absent)) continue;
                configuration.Take(key, name);
                break;
            }

            return absent;
        }

        string text = configuration.Text(key, "");
        foreach (var (name, value) in choices)
            if (name == text) return value;
        throw new UnsupportedModelException(configuration.File, key, configuration.Raw(key),
            $"This scheduler knows {string.Join(", ", choices.ToArray().Select(c => c.Text))}.");
    }
}
