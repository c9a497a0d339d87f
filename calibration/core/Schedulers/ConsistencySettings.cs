namespace Specializer.Calibration;

/// <summary>What the schedulers of distilled models have in common.</summary>
/// <param name="Noise">The trained levels.</param>
/// <param name="Prediction">What the network predicts.</param>
/// <param name="Timesteps">In the order of sampling, falling: evenly among the few that the distillation used.</param>
internal sealed record ConsistencySettings(TrainingNoise Noise, PredictionType Prediction, int[] Timesteps)
{
    /// <param name="configuration">The scheduler's file; its <c>original_inference_steps</c> count.</param>
    /// <param name="steps">Steps of the run.</param>
    public static ConsistencySettings Read(ConfigurationReader configuration, int steps)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration, 0.00085, 0.012, "scaled_linear", rescales: true);
        PredictionType prediction = configuration.Prediction();
        int original = configuration.Integer("original_inference_steps", 50, 1, noise.Timesteps);
        if (steps < 1 || steps > original)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"A model distilled for original_inference_steps = {original} has 1 to {original} steps.");
        return new(noise, prediction, [.. Enumerable.Range(0, steps).Select(i => (original - (int)Math.Floor(i * (original / (double)steps))) * (noise.Timesteps / original) - 1)]);
    }
}
