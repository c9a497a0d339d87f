namespace Specializer.Schedulers;

/// <summary>The training timesteps that a run visits.</summary>
public static class Timesteps
{
    /// <summary>Timesteps in the order of sampling, descending.</summary>
    /// <param name="configuration">Its spacing, offset and T count.</param>
    /// <param name="steps">n, from 1 to T.</param>
    /// <returns>n timesteps, each in [0, T).</returns>
    /// <exception cref="ArgumentOutOfRangeException">More steps than timesteps, or the offset leads beyond the last one.</exception>
    public static int[] Create(SchedulerConfiguration configuration, int steps)
    {
        var train = configuration.TrainTimesteps;
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (steps > train)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"The model was trained on {train} timesteps; a run cannot have more steps than that.");
        var timesteps = new int[steps];
        for (var i = 0; i < steps; i++)
        {
            timesteps[i] = configuration.TimestepSpacing switch
            {
                TimestepSpacing.Leading => (steps - 1 - i) * (train / steps) + configuration.StepsOffset,
                // Ties round to even, as numpy rounds.
                TimestepSpacing.Linspace => steps == 1 ? 0 : (int)Math.Round((steps - 1 - i) * ((train - 1) / (double)(steps - 1))),
                TimestepSpacing.Trailing => (int)Math.Round(train - i * (train / (double)steps)) - 1,
                _ => throw new ArgumentException($"Unknown spacing {configuration.TimestepSpacing}.", nameof(configuration)),
            };
        }
        if (timesteps[0] >= train)
            throw new ArgumentOutOfRangeException(nameof(steps), steps,
                $"With steps_offset {configuration.StepsOffset} the first of {steps} timesteps would be {timesteps[0]}, but the last one trained is {train - 1}. Use fewer steps.");
        return timesteps;
    }
}
