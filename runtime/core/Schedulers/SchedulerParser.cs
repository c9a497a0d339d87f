using System.Text.Json;
using Specializer.Manifest;

namespace Specializer.Schedulers;

/// <summary>From the text of a <c>scheduler_config.json</c> to a checked configuration.</summary>
internal static class SchedulerParser
{
    /// <summary>In the <see cref="Exception.Data"/> of what is not supported: the key of the configuration.</summary>
    public const string DataKey = "key";

    /// <summary>Every key that is read.</summary>
    public static IReadOnlyList<string> Keys { get; } =
    [
        "_class_name", "num_train_timesteps", "beta_schedule", "beta_start", "beta_end", "trained_betas", "variance_type", "clip_sample", "clip_sample_range", "thresholding",
        "dynamic_thresholding_ratio", "sample_max_value", "prediction_type", "timestep_spacing", "steps_offset", "set_alpha_to_one", "rescale_betas_zero_snr",
    ];

    private const int MaxTrainTimesteps = 1_000_000;

    public static SchedulerConfiguration Parse(string json, string? className)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new() { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new FormatException("A scheduler configuration is a JSON object.");
            return Read(document.RootElement, className);
        }
        // Names that are not made of characters are reported as invalid operations.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException($"The scheduler configuration is not valid JSON: {e.Message}", e);
        }
    }

    private static SchedulerConfiguration Read(JsonElement json, string? className)
    {
        className ??= Text(json, "_class_name") ?? throw new FormatException("The scheduler configuration names no '_class_name'.");
        if (className is not (SchedulerConfiguration.Ddpm or SchedulerConfiguration.Ddim))
            throw Unsupported("_class_name", $"Scheduler '{className}' is not supported; use {SchedulerConfiguration.Ddpm} or {SchedulerConfiguration.Ddim}.");
        var absent = new SchedulerConfiguration { ClassName = className };
        var steps = Integer(json, "num_train_timesteps", 1, MaxTrainTimesteps) ?? absent.TrainTimesteps;
        var schedule = Choice(json, "beta_schedule", absent.BetaSchedule,
            ("linear", BetaSchedule.Linear), ("scaled_linear", BetaSchedule.ScaledLinear),
            ("squaredcos_cap_v2", BetaSchedule.SquaredCosine), ("sigmoid", BetaSchedule.Sigmoid));
        if (schedule == BetaSchedule.Sigmoid && className != SchedulerConfiguration.Ddpm)
            throw Unsupported("beta_schedule", "'beta_schedule' sigmoid exists only for DDPMScheduler.");
        // A setting that nothing reads may hold anything; Python writes Infinity where there is no bound.
        bool clips = Boolean(json, "clip_sample") ?? absent.ClipSample, thresholds = Boolean(json, "thresholding") ?? absent.Thresholding;
        return absent with
        {
            TrainTimesteps = steps,
            BetaStart = Number(json, "beta_start", 0, 1) ?? absent.BetaStart,
            BetaEnd = Number(json, "beta_end", 0, 1) ?? absent.BetaEnd,
            BetaSchedule = schedule,
            TrainedBetas = Betas(json, steps),
            VarianceType = Choice(json, "variance_type", absent.VarianceType,
                ("fixed_small", VarianceType.FixedSmall), ("fixed_small_log", VarianceType.FixedSmallLog), ("fixed_large", VarianceType.FixedLarge),
                ("learned", VarianceType.Learned), ("learned_range", VarianceType.LearnedRange)),
            ClipSample = clips,
            ClipSampleRange = Number(json, "clip_sample_range", double.Epsilon, float.MaxValue, clips) ?? absent.ClipSampleRange,
            Thresholding = thresholds,
            DynamicThresholdingRatio = Number(json, "dynamic_thresholding_ratio", 0, 1, thresholds) ?? absent.DynamicThresholdingRatio,
            SampleMaxValue = Number(json, "sample_max_value", 1, float.MaxValue, thresholds) ?? absent.SampleMaxValue,
            PredictionType = Choice(json, "prediction_type", absent.PredictionType,
                ("epsilon", PredictionType.Epsilon), ("sample", PredictionType.Sample), ("v_prediction", PredictionType.VPrediction)),
            TimestepSpacing = Choice(json, "timestep_spacing", absent.TimestepSpacing,
                ("leading", TimestepSpacing.Leading), ("linspace", TimestepSpacing.Linspace), ("trailing", TimestepSpacing.Trailing)),
            StepsOffset = Integer(json, "steps_offset", 0, MaxTrainTimesteps) ?? absent.StepsOffset,
            SetAlphaToOne = Boolean(json, "set_alpha_to_one") ?? absent.SetAlphaToOne,
            RescaleBetasZeroSnr = Boolean(json, "rescale_betas_zero_snr") ?? absent.RescaleBetasZeroSnr,
        };
    }

    private static float[]? Betas(JsonElement json, int steps)
    {
        const string Key = "trained_betas";
        if (!json.TryGetProperty(Key, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() != steps)
            throw new FormatException($"'{Key}' must be an array of num_train_timesteps = {steps} numbers.");
        var betas = new float[steps];
        var i = 0;
        foreach (var beta in value.EnumerateArray())
        {
            if (beta.ValueKind != JsonValueKind.Number || !beta.TryGetSingle(out betas[i]) || betas[i] is not (>= 0 and <= 1))
                throw new FormatException($"'{Key}'[{i}] is {MessageText.Harmless(beta.GetRawText())}, not a number from 0 to 1.");
            i++;
        }
        return betas;
    }

    private static string? Text(JsonElement json, string key) => !json.TryGetProperty(key, out var value) ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Wrong(key, value, "a string");

    private static bool? Boolean(JsonElement json, string key) => !json.TryGetProperty(key, out var value) ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Wrong(key, value, "true or false");

    private static int? Integer(JsonElement json, string key, int least, int most) => !json.TryGetProperty(key, out var value) ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= least && number <= most ? number
        : throw Wrong(key, value, $"an integer from {least} to {most}");

    private static double? Number(JsonElement json, string key, double least, double most, bool used = true) => !json.TryGetProperty(key, out var value) ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= least && number <= most ? number
        : !used ? null
        : throw Wrong(key, value, FormattableString.Invariant($"a number from {least} to {most}"));

    private static T Choice<T>(JsonElement json, string key, T absent, params ReadOnlySpan<(string Text, T Value)> choices)
    {
        if (Text(json, key) is not { } text)
            return absent;
        foreach (var choice in choices)
        {
            if (choice.Text == text)
                return choice.Value;
        }
        throw Unsupported(key, $"'{key}' \"{text}\" is not supported; use {string.Join(" or ", choices.ToArray().Select(c => c.Text))}.");
    }

    /// <summary>The key travels beside the message, for those who report where it stands.</summary>
    private static NotSupportedException Unsupported(string key, string message) => new(MessageText.Harmless(message)) { Data = { [DataKey] = key } };

    private static FormatException Wrong(string key, JsonElement value, string expected) =>
        new($"'{key}' is {MessageText.Harmless(value.GetRawText())}, not {expected}.");
}
