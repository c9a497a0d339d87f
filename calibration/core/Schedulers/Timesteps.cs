namespace Specializer.Calibration;

/// <summary>The training timesteps that a run of DDPM, DDIM or PNDM visits.</summary>
internal static class Timesteps
{
    /// <summary>Timesteps in the order of sampling, falling.</summary>
    /// <param name="configuration">The scheduler's file: spacing and offset count.</param>
    /// <param name="train">T.</param>
    /// <param name="steps">n, from 1 to T.</param>
    /// <returns>n timesteps, each in [0, T).</returns>
    /// <exception cref="ArgumentOutOfRangeException">More steps than timesteps, or the offset leads beyond the last one.</exception>
    public static int[] Create(ConfigurationReader configuration, int train, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (steps > train)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"The model was trained on {train} timesteps; a run cannot have more steps than that.");
        TimestepSpacing spacing = configuration.Spacing(TimestepSpacing.Leading);
        int offset = configuration.StepsOffset();
        int[] timesteps = [.. Enumerable.Range(0, steps).Select(i => spacing switch
        {
            TimestepSpacing.Leading => (steps - 1 - i) * (train / steps) + offset,
            // Ties round to even, as numpy rounds.
            TimestepSpacing.Linspace => steps == 1 ? 0 : (int)Math.Round((steps - 1 - i) * ((train - 1) / (double)(steps - 1))),
            _ => (int)Math.Round(train - i * (train / (double)steps)) - 1,
        })];
        return timesteps[0] < train ? timesteps
            : throw new ArgumentOutOfRangeException(nameof(steps), steps,
                $"With steps_offset {offset} the first of {steps} timesteps would be {timesteps[0]}, but the last one trained is {train - 1}. Use fewer steps.");
    }
}
