using Specializer.Schedulers;

namespace Specializer.Calibration;

/// <summary>The steps of DDPM and DDIM: from one trained timestep to the one T/n earlier.</summary>
internal static class MarkovSteps
{
    /// <summary>The timesteps of a run and ᾱ before and after each step.</summary>
    /// <param name="configuration">The scheduler's file.</param>
    /// <param name="noise">The trained levels.</param>
    /// <param name="steps">n.</param>
    /// <param name="final">ᾱ after a step that leads beyond the first timestep.</param>
    public static IEnumerable<(int Timestep, double AlphaBar, double Next)> Of(ConfigurationReader configuration, TrainingNoise noise, int steps, double final) =>
        Timesteps.Create(new()
        {
            ClassName = SchedulerConfiguration.Ddpm,
            TrainTimesteps = noise.Timesteps,
            TimestepSpacing = configuration.Spacing(TimestepSpacing.Leading),
            StepsOffset = configuration.StepsOffset(),
        }, steps).Select(t => (t, (double)noise.AlphaBars[t], t - noise.Timesteps / steps is var next and >= 0 ? noise.AlphaBars[next] : final));
}
