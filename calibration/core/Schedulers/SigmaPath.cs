namespace Specializer.Calibration;

/// <summary>The levels σ/α that a run visits, falling, each with the timestep that the network is told; in single precision, as diffusers holds them.</summary>
/// <param name="Timesteps">One a step.</param>
/// <param name="Ratios">σ/α before each step, and after the last.</param>
internal sealed record SigmaPath(float[] Timesteps, float[] Ratios)
{
    private const double Rho = 7;

    /// <summary>Number of steps.</summary>
    public int Count => Timesteps.Length;

    /// <summary>Timesteps over the whole range, the last of them the smallest: what solvers in σ/α use. Linspace is not rounded.</summary>
    public static double[] FullTimesteps(ConfigurationReader configuration, TrainingNoise noise, int steps)
    {
        int train = noise.Timesteps;
        Check(configuration, steps, train);
        TimestepSpacing spacing = configuration.Spacing(TimestepSpacing.Linspace);
        int offset = configuration.StepsOffset();
        return Within(configuration, train, [.. Enumerable.Range(0, steps).Select(i => spacing switch
        {
            TimestepSpacing.Leading => (steps - 1 - i) * (train / steps) + offset,
            TimestepSpacing.Linspace => (float)Spread(train - 1, steps - 1, steps - 1 - i),
            _ => Math.Round(train - i * (train / (double)steps)) - 1,
        })]);
    }

    /// <summary>Timesteps of which one more would be the last, 0: what the exponential integrators use.</summary>
    /// <param name="configuration">The scheduler's file.</param>
    /// <param name="noise">The trained levels.</param>
    /// <param name="steps">Steps asked for.</param>
    /// <param name="last">Trained timesteps that are used: T, or fewer where the noisiest are left out.</param>
    /// <param name="spacing">Which timesteps.</param>
    public static double[] OpenTimesteps(ConfigurationReader configuration, TrainingNoise noise, int steps, int last, TimestepSpacing spacing)
    {
        int train = noise.Timesteps;
        Check(configuration, steps, train);
        if (spacing == TimestepSpacing.Trailing)
        {
            double stride = train / (double)steps;
            int count = (int)Math.Ceiling(last / stride);
            return [.. Enumerable.Range(0, count).Select(i => Math.Round(last - i * stride) - 1)];
        }

        int offset = spacing == TimestepSpacing.Leading ? configuration.StepsOffset() : 0;
        return Within(configuration, train, [.. Enumerable.Range(0, steps).Select(i => spacing == TimestepSpacing.Leading
            ? (steps - i) * (last / (steps + 1)) + offset
            : Math.Round(Spread(last - 1, steps, steps - i)))]);
    }

    /// <summary>Levels at given timesteps, unless the configuration asks for levels of their own.</summary>
    /// <param name="configuration">The scheduler's file.</param>
    /// <param name="noise">The trained levels.</param>
    /// <param name="timesteps">Timesteps where levels follow from them.</param>
    /// <param name="steps">Steps where they do not.</param>
    /// <param name="wholeRange">Levels of their own span all that was trained, and their timesteps are whole; otherwise they span <paramref name="timesteps"/>.</param>
    /// <param name="final">The level after the last step, which may depend on the others; null for the last level once more.</param>
    /// <param name="limits">Whether the scheduler knows <c>sigma_min</c> and <c>sigma_max</c>.</param>
    public static SigmaPath Create(
        ConfigurationReader configuration, TrainingNoise noise, double[] timesteps, int steps, bool wholeRange, float? final, bool limits = false)
    {
        double[] ratios = Array.ConvertAll(timesteps, noise.RatioAt);
        double most = Limit("sigma_max") ?? (wholeRange ? noise.Ratios[^1] : ratios[0]);
        double least = Limit("sigma_min") ?? (wholeRange ? noise.Ratios[0] : ratios[^1]);
        bool karras = configuration.Flag("use_karras_sigmas", false), exponential = configuration.Flag("use_exponential_sigmas", false);
        if (karras && exponential)
            throw new ModelImportException(configuration.File, "use_exponential_sigmas", "use_karras_sigmas is true as well. Set one of them to false.");
        if (configuration.Flag("use_beta_sigmas", false))
            throw new UnsupportedModelException(configuration.File, "use_beta_sigmas", "true", "Use Karras or exponential sigmas, or none.");
        if (karras || exponential)
        {
            ratios = karras ? Karras(least, most, steps, Rho) : Exponential(least, most, steps);
            timesteps = Array.ConvertAll(ratios, noise.TimestepOf);
            if (wholeRange) timesteps = Array.ConvertAll<double, double>(timesteps, karras ? Math.Round : Math.Truncate);
        }

        return new(Array.ConvertAll(timesteps, t => (float)t), [.. ratios.Select(r => (float)r), final ?? (float)ratios[^1]]);

        double? Limit(string key) => limits ? configuration.NumberOrNull(key, double.Epsilon, float.MaxValue) : null;
    }

    /// <summary>Levels whose 7th roots (or <paramref name="rho"/>-th) lie evenly (Karras et al. 2022, eq. 5).</summary>
    public static double[] Karras(double least, double most, int steps, double rho)
    {
        double low = Math.Pow(least, 1 / rho), high = Math.Pow(most, 1 / rho);
        return [.. Enumerable.Range(0, steps).Select(i => Math.Pow(high + Spread(1, steps - 1, i) * (low - high), rho))];
    }

    /// <summary>Levels whose logarithms lie evenly.</summary>
    public static double[] Exponential(double least, double most, int steps) =>
        [.. Enumerable.Range(0, steps).Select(i => Math.Exp(Math.Log(most) + Spread(1, steps - 1, i) * (Math.Log(least) - Math.Log(most))))];

    /// <summary>The i-th of parts + 1 numbers that lie evenly from 0 to end.</summary>
    public static double Spread(double end, int parts, int i) => parts == 0 ? 0 : i == parts ? end : i * (end / parts);

    private static void Check(ConfigurationReader configuration, int steps, int train)
    {
        if (steps < 1 || steps > train)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"A run of this model ({configuration.File}) has 1 to {train} steps, as many as it was trained with.");
    }

    private static double[] Within(ConfigurationReader configuration, int train, double[] timesteps) => timesteps[0] < train ? timesteps
        : throw new ModelImportException(configuration.File, "steps_offset",
            $"the first of {timesteps.Length} timesteps would be {timesteps[0]}, but the last one trained is {train - 1}. Use fewer steps or a smaller offset.");
}
