namespace Specializer.Calibration;

/// <summary>The noise levels that a network was trained at, one a training timestep, in single precision as diffusers holds them.</summary>
internal sealed class TrainingNoise
{
    /// <summary>Largest T.</summary>
    public const int MaximumTimesteps = 1_000_000;
    /// <summary>What stands for ᾱ = 0 where σ/α must be finite.</summary>
    private const float LeastAlphaBar = 1f / (1 << 24);

    private TrainingNoise(float[] alphaBars)
    {
        AlphaBars = alphaBars;
        Ratios = Array.ConvertAll(alphaBars, a => MathF.Sqrt((1 - a) / a));
        LogRatios = Array.ConvertAll(Ratios, MathF.Log);
    }

    /// <summary>ᾱ_t.</summary>
    public float[] AlphaBars { get; }

    /// <summary>σ_t/α_t = √((1 − ᾱ_t)/ᾱ_t), rising.</summary>
    public float[] Ratios { get; }

    /// <summary>Their natural logarithms.</summary>
    public float[] LogRatios { get; }

    /// <summary>T.</summary>
    public int Timesteps => AlphaBars.Length;

    /// <summary>Reads the schedule of β.</summary>
    /// <param name="configuration">The scheduler's file.</param>
    /// <param name="betaStart">Where <c>beta_start</c> is absent.</param>
    /// <param name="betaEnd">Where <c>beta_end</c> is absent.</param>
    /// <param name="schedule">Where <c>beta_schedule</c> is absent.</param>
    /// <param name="furtherSchedule"><c>sigmoid</c> or <c>exp</c>, which some schedulers know beside the usual ones.</param>
    /// <param name="rescales">Whether the scheduler knows <c>rescale_betas_zero_snr</c>.</param>
    /// <param name="finite">Whether ᾱ = 0 is replaced by 2⁻²⁴ then.</param>
    public static TrainingNoise Read(ConfigurationReader configuration, double betaStart = 0.0001, double betaEnd = 0.02, string schedule = "linear",
        string? furtherSchedule = null, bool rescales = false, bool finite = false)
    {
        int timesteps = configuration.Integer("num_train_timesteps", 1000, 1, MaximumTimesteps);
        bool rescale = rescales && configuration.Flag("rescale_betas_zero_snr", false);
        string name = configuration.Text("beta_schedule", schedule);
        BetaSchedule betaSchedule = name switch
        {
            "linear" => BetaSchedule.Linear,
            "scaled_linear" => BetaSchedule.ScaledLinear,
            "squaredcos_cap_v2" => BetaSchedule.SquaredCosine,
            "sigmoid" when furtherSchedule == name => BetaSchedule.Sigmoid,
            "exp" when furtherSchedule == name => BetaSchedule.Exponential,
            _ => throw new UnsupportedModelException(configuration.File, "beta_schedule", configuration.Raw("beta_schedule"),
                $"This scheduler knows linear, scaled_linear, squaredcos_cap_v2{(furtherSchedule is null ? "" : $", {furtherSchedule}")}."),
        };
        double[]? trained = configuration.NumbersOrNull("trained_betas", 0, 1);
        if (trained is not null && trained.Length != timesteps)
            throw new ModelImportException(configuration.File, "trained_betas", $"there are {trained.Length} numbers for num_train_timesteps = {timesteps}; each timestep has its own.");
        double start = configuration.Number("beta_start", betaStart, 0, 1), end = configuration.Number("beta_end", betaEnd, 0, 1);
        float[] betas = trained is not null ? Array.ConvertAll(trained, b => (float)b) : Betas.Of(betaSchedule, start, end, timesteps);
        float[] alphaBars = Betas.AlphaBars(rescale ? Betas.RescaledToZeroSnr(betas) : betas);
        if (rescale && finite) alphaBars[^1] = LeastAlphaBar;
        return new(alphaBars);
    }

    /// <summary>σ/α at a timestep between two trained ones.</summary>
    public double RatioAt(double timestep)
    {
        int below = Math.Clamp((int)Math.Floor(timestep), 0, Timesteps - 1);
        return below == Timesteps - 1 ? Ratios[below] : ((double)Ratios[below + 1] - Ratios[below]) * (timestep - below) + Ratios[below];
    }

    /// <summary>ᾱ at a timestep between two trained ones.</summary>
    public double AlphaBarAt(double timestep) => timestep == Math.Floor(timestep) && timestep >= 0 && timestep < Timesteps ? AlphaBars[(int)timestep]
        : 1 / (1 + Math.Pow(RatioAt(timestep), 2));

    /// <summary>The timestep at which σ/α is <paramref name="ratio"/>, interpolated over its logarithm; within [0, T − 1].</summary>
    public double TimestepOf(double ratio)
    {
        if (Timesteps == 1) return 0;
        double log = Math.Log(Math.Max(ratio, 1e-10));
        int below = Math.Clamp(Array.FindLastIndex(LogRatios, l => log >= l), 0, Timesteps - 2);
        double weight = Math.Clamp((LogRatios[below] - log) / ((double)LogRatios[below] - LogRatios[below + 1]), 0, 1);
        return (1 - weight) * below + weight * (below + 1);
    }
}
