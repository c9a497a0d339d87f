namespace Specializer.Calibration;

/// <summary>The steps of DDPM and DDIM: from one trained timestep to the next listed one, or to the one T/n earlier.</summary>
internal static class MarkovSteps
{
    /// <summary>The timesteps of a run and ᾱ before and after each step.</summary>
    /// <param name="configuration">The scheduler's file.</param>
    /// <param name="noise">The trained levels.</param>
    /// <param name="steps">n.</param>
    /// <param name="final">ᾱ after a step that leads beyond the first timestep.</param>
    /// <param name="listed">Whether a step leads to the next listed timestep, as DDPM's do in diffusers since 0.31.0; else T/n back, as DDIM's do. Spacing <c>leading</c> lists just these.</param>
    public static IEnumerable<(int Timestep, double AlphaBar, double Next)> Of(ConfigurationReader configuration, TrainingNoise noise, int steps, double final, bool listed)
    {
        int[] timesteps = Timesteps.Create(configuration, noise.Timesteps, steps);
        return timesteps.Select((t, i) => (t, (double)noise.AlphaBars[t], Next(t, i) is var next and >= 0 ? noise.AlphaBars[next] : final));

        int Next(int timestep, int i) => !listed ? timestep - noise.Timesteps / steps : i + 1 < timesteps.Length ? timesteps[i + 1] : -1;
    }
}
