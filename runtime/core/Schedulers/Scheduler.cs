namespace Specializer.Schedulers;

/// <summary>One step of a sampler, before anything is calibrated.</summary>
/// <param name="Timestep">t, what the network is told.</param>
/// <param name="PreviousTimestep">The timestep the state belongs to afterwards: the next listed one for DDPM, t − ⌊T/n⌋ for DDIM; negative when the step reaches the image.</param>
/// <param name="AlphaBar">ᾱ_t.</param>
/// <param name="AlphaBarPrevious">ᾱ_prev; a = ᾱ_t/ᾱ_prev and b = 1 − a describe the jump.</param>
/// <param name="Sigma">Standard deviation of the sampler's own noise; 0 for none. With learned variances: the smallest possible.</param>
/// <param name="Lambda">∂x_prev/∂m: the factor with which an error of the network's output enters the next state, clipping aside. For ε-prediction its size is method λ
/// (DDPM: −b/(√a·√(1−ᾱ_t)); DDIM: √(1−ᾱ_prev−σ²) − √(ᾱ_prev(1−ᾱ_t)/ᾱ_t)).</param>
public readonly record struct SolverStep(
    int Timestep, int PreviousTimestep, double AlphaBar, double AlphaBarPrevious, double Sigma, double Lambda);

/// <summary>A first-order solver over a fixed list of timesteps, in the meaning of diffusers v0.31.0 (docs/method.md, "Schedulers").</summary>
public abstract class Scheduler
{
    private readonly StepForm[] _forms;
    private readonly SolverStep[] _steps;

    /// <summary>Factors of a step, as in <see cref="SolverCoefficients"/>, and σ, in double precision.</summary>
    private protected readonly record struct StepForm(
        double X0FromSample, double X0FromModel, double FromX0, double FromSample, double FromModel, double Sigma);

    /// <param name="configuration">Common to all solvers.</param>
    /// <param name="steps">Steps of the run.</param>
    /// <param name="endsAtOne">ᾱ_prev of the step that reaches the image is 1, not ᾱ_0.</param>
    /// <param name="followsList">A step ends at the next timestep of the list; otherwise at t − ⌊T/n⌋, whatever the spacing.</param>
    /// <param name="form">The solver: its factors at (t, ᾱ_t, ᾱ_prev).</param>
    private protected Scheduler(SchedulerConfiguration configuration, int steps, bool endsAtOne, bool followsList, Func<int, double, double, StepForm> form)
    {
        Configuration = configuration;
        var timesteps = Timesteps.Create(configuration, steps);
        var alphaBars = NoiseSchedule.Create(configuration).AlphaBars;
        _forms = new StepForm[steps];
        _steps = new SolverStep[steps];
        for (var i = 0; i < steps; i++)
        {
            var t = timesteps[i];
            var previous = !followsList ? t - configuration.TrainTimesteps / steps : i + 1 < steps ? timesteps[i + 1] : -1;
            double alphaBar = alphaBars[t];
            double alphaBarPrevious = previous >= 0 ? alphaBars[previous] : endsAtOne ? 1 : alphaBars[0];
            var f = form(t, alphaBar, alphaBarPrevious);
            if (!double.IsFinite(f.X0FromSample + f.X0FromModel + f.FromX0 + f.FromSample + f.FromModel + f.Sigma))
                throw new ArgumentException($"The step at timestep {t} is undefined: ᾱ goes from {alphaBar} to {alphaBarPrevious}, prediction type {configuration.PredictionType}.", nameof(configuration));
            _forms[i] = f;
            _steps[i] = new(t, previous, alphaBar, alphaBarPrevious, f.Sigma, f.FromX0 * f.X0FromModel + f.FromModel);
        }
    }

    /// <summary>What the scheduler was built from.</summary>
    public SchedulerConfiguration Configuration { get; }

    /// <summary>The steps in the order of sampling.</summary>
    public IReadOnlyList<SolverStep> Steps => _steps;

    /// <summary>False for dynamic thresholding and for learned variances, which only <see cref="Step"/> can do.</summary>
    public bool SupportsLinearForm => !Configuration.Thresholding && !LearnedVariance;

    /// <summary>The network predicts a variance for every element, in as many channels again.</summary>
    public abstract bool LearnedVariance { get; }

    /// <summary>Creates the scheduler that a configuration names.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="steps">Steps of the run, from 1 to T.</param>
    /// <param name="eta">η of DDIM, in [0, 1]; must be 1 for DDPM, which is what it amounts to.</param>
    /// <exception cref="ArgumentException">Steps or η out of range, or a step that is undefined (ε-prediction at ᾱ = 0).</exception>
    public static Scheduler Create(SchedulerConfiguration configuration, int steps, double eta) => configuration.ClassName switch
    {
        SchedulerConfiguration.Ddim => new DdimScheduler(configuration, steps, eta),
        SchedulerConfiguration.Ddpm when eta == 1 => new DdpmScheduler(configuration, steps),
        SchedulerConfiguration.Ddpm => throw new ArgumentOutOfRangeException(nameof(eta), eta, "DDPM has no η; give 1, or use DDIMScheduler."),
        _ => throw new ArgumentException($"Unknown scheduler '{configuration.ClassName}'.", nameof(configuration)),
    };

    /// <summary>The step as compiled samplers do it, rounded to single precision once.</summary>
    /// <param name="index">Step, from 0.</param>
    /// <exception cref="NotSupportedException"><see cref="SupportsLinearForm"/> is false.</exception>
    public SolverCoefficients Coefficients(int index)
    {
        if (!SupportsLinearForm)
            throw new NotSupportedException("Dynamic thresholding and learned variances cannot be compiled. Set 'thresholding' to false and 'variance_type' to a fixed one.");
        var f = _forms[index];
        return new((float)f.X0FromSample, (float)f.X0FromModel, Configuration.ClipSample ? (float)Configuration.ClipSampleRange : float.PositiveInfinity,
            (float)f.FromX0, (float)f.FromSample, (float)f.FromModel);
    }

    /// <summary>The reference: one step in double precision, everything the configuration can ask for included.</summary>
    /// <param name="sample">x, images one after the other.</param>
    /// <param name="modelOutput">m, as long as <paramref name="sample"/>; twice that with learned variances, each image's prediction before its variances.</param>
    /// <param name="noise">Unit noise, as long as <paramref name="sample"/>; may be empty where none is injected.</param>
    /// <param name="index">Step, from 0.</param>
    /// <param name="images">Number of images: thresholds are found per image.</param>
    /// <returns>x_prev.</returns>
    /// <exception cref="ArgumentException">Lengths do not fit.</exception>
    public float[] Step(ReadOnlySpan<float> sample, ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> noise, int index, int images = 1)
    {
        var f = _forms[index];
        var noisy = LearnedVariance ? _steps[index].Timestep > 0 : f.Sigma > 0;
        var stride = LearnedVariance ? 2 : 1;
        if (images < 1 || sample.Length % images != 0 || modelOutput.Length != stride * sample.Length || noise.Length != sample.Length && (noisy || !noise.IsEmpty))
            throw new ArgumentException($"Lengths do not fit: sample {sample.Length}, model output {modelOutput.Length}, noise {noise.Length}, images {images}.");
        var size = sample.Length / images;
        var next = new float[sample.Length];
        var original = new double[size];
        for (var n = 0; n < images; n++)
        {
            var x = sample.Slice(n * size, size);
            var m = modelOutput.Slice(n * stride * size, size);
            for (var i = 0; i < size; i++)
                original[i] = f.X0FromSample * x[i] + f.X0FromModel * m[i];
            Bound(original);
            for (var i = 0; i < size; i++)
            {
                var y = f.FromX0 * original[i] + f.FromSample * x[i] + f.FromModel * m[i];
                if (noisy)
                    y += (LearnedVariance ? LearnedSigma(index, modelOutput[(n * stride + 1) * size + i]) : f.Sigma) * noise[n * size + i];
                next[n * size + i] = (float)y;
            }
        }
        return next;
    }

    /// <summary>The standard deviation for one prediction of the variance channels.</summary>
    private protected virtual double LearnedSigma(int index, double prediction) => _steps[index].Sigma;

    private void Bound(Span<double> original)
    {
        var bound = Configuration.Thresholding ? Threshold(original) : Configuration.ClipSample ? Configuration.ClipSampleRange : double.PositiveInfinity;
        var scale = Configuration.Thresholding ? 1 / bound : 1;
        foreach (ref var x in original)
            x = Math.Clamp(x, -bound, bound) * scale;
    }

    /// <summary>The quantile of |x₀|, interpolated linearly, within [1, sample_max_value].</summary>
    private double Threshold(ReadOnlySpan<double> original)
    {
        var sorted = Array.ConvertAll(original.ToArray(), Math.Abs);
        Array.Sort(sorted);
        var position = Configuration.DynamicThresholdingRatio * (sorted.Length - 1);
        var (below, above) = (sorted[(int)Math.Floor(position)], sorted[(int)Math.Ceiling(position)]);
        return Math.Clamp(below + (above - below) * (position - Math.Floor(position)), 1, Configuration.SampleMaxValue);
    }

    /// <summary>The factors of the predicted original.</summary>
    private protected static (double FromSample, double FromModel) Original(PredictionType type, double alphaBar) => type switch
    {
        PredictionType.Epsilon => (1 / Math.Sqrt(alphaBar), -Math.Sqrt(1 - alphaBar) / Math.Sqrt(alphaBar)),
        PredictionType.Sample => (0, 1),
        PredictionType.VPrediction => (Math.Sqrt(alphaBar), -Math.Sqrt(1 - alphaBar)),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>The factors of the predicted noise.</summary>
    private protected static (double FromSample, double FromModel) Noise(PredictionType type, double alphaBar) => type switch
    {
        PredictionType.Epsilon => (0, 1),
        PredictionType.Sample => (1 / Math.Sqrt(1 - alphaBar), -Math.Sqrt(alphaBar) / Math.Sqrt(1 - alphaBar)),
        PredictionType.VPrediction => (Math.Sqrt(1 - alphaBar), Math.Sqrt(alphaBar)),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };
}
