using Specializer.Manifest;
using Specializer.Schedulers;

namespace Specializer.Calibration;

/// <summary>What a manifest says of the imported model and its scheduler, in the source library's spelling.</summary>
internal static class ManifestIdentities
{
    public static ModelIdentity ModelIdentity(this ImportedModel model) => new(
        model.Name, model.Architecture, model.Sha256, model.Parameters, model.Height, model.Width, model.Channels, model.Classes, model.NullLabel);

    /// <param name="configuration">Of the run: <see cref="Scheduler.Configuration"/>.</param>
    public static SchedulerIdentity SchedulerIdentity(this SchedulerConfiguration configuration) => new(
        configuration.ClassName, configuration.TrainTimesteps,
        configuration.TrainedBetas is not null ? "trained_betas" : configuration.BetaSchedule switch
        {
            BetaSchedule.Linear => "linear",
            BetaSchedule.ScaledLinear => "scaled_linear",
            BetaSchedule.SquaredCosine => "squaredcos_cap_v2",
            _ => "sigmoid",
        },
        Number.From((float)configuration.BetaStart), Number.From((float)configuration.BetaEnd),
        configuration.PredictionType switch
        {
            PredictionType.Epsilon => "epsilon",
            PredictionType.Sample => "sample",
            _ => "v_prediction",
        },
        configuration.VarianceType switch
        {
            VarianceType.FixedSmall => "fixed_small",
            VarianceType.FixedSmallLog => "fixed_small_log",
            VarianceType.FixedLarge => "fixed_large",
            VarianceType.Learned => "learned",
            _ => "learned_range",
        },
        configuration.ClipSample, Number.From((float)configuration.ClipSampleRange),
        configuration.TimestepSpacing switch
        {
            TimestepSpacing.Leading => "leading",
            TimestepSpacing.Linspace => "linspace",
            _ => "trailing",
        },
        configuration.StepsOffset, configuration.SetAlphaToOne);
}
