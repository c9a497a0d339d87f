namespace Specializer.Calibration;

/// <summary>The timesteps of distilled models: evenly among the few that the distillation used.</summary>
internal static class ConsistencyTimesteps
{
    /// <summary>Timesteps in the order of sampling, falling.</summary>
    /// <param name="configuration">The scheduler's file; its <c>original_inference_steps</c> count.</param>
    /// <param name="noise">The trained levels.</param>
    /// <param name="steps">Steps of the run.</param>
    public static int[] Create(ConfigurationReader configuration, TrainingNoise noise, int steps)
    {
        int original = configuration.Integer("original_inference_steps", 50, 1, noise.Timesteps);
        if (steps < 1 || steps > original)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"A model distilled for original_inference_steps = {original} has 1 to {original} steps.");
        return [.. Enumerable.Range(0, steps).Select(i => (original - (int)Math.Floor(i * (original / (double)steps))) * (noise.Timesteps / original) - 1)];
    }
}
