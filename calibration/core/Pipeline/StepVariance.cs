namespace Specializer.Calibration;

/// <summary>Does σ' give the next state the variance that FP32's has? Measured on FP32 states that nothing was fitted on: FP32's is Var(M) + σ², the quantized one's
/// Var(M̂) + σ'² (<see cref="StepMean"/>), both of the same images. Where the network says σ, they are the means of s(v), of s(v̂) and of what c leaves of it.</summary>
internal sealed class StepVariance
{
    private readonly StepDecision[] _steps;
    private readonly InterpretedStep[] _parameters;
    private readonly VarianceCorrection[] _corrections;
    private readonly List<JointMoments>[] _moments; // [step], one an image
    private readonly List<(double Own, double Said, double Left)>[] _injected; // Variances, [step], one an image
    private readonly StepMean _mean;
    private readonly bool _needsAll;
    private readonly int _channels;
    private readonly NoCondition _none;

    /// <param name="steps">As fitted, with the gains of clipping.</param>
    /// <param name="plan">Corrections, that of the variance among them.</param>
    /// <param name="needsAll">See <see cref="StepMean.NeedsAll"/>.</param>
    /// <param name="channels">Of an image.</param>
    /// <param name="none">What guidance leads away from; null for nothing.</param>
    public StepVariance(StepDecision[] steps, CorrectionPlan plan, bool needsAll, int channels, NoCondition? none = null)
    {
        (_steps, _needsAll, _channels, _none) = (steps, needsAll, channels, none ?? -1);
        _mean = new(channels);
        _parameters = [.. steps.Select(s => s.Parameters(plan))];
        _corrections = [.. steps.Select(s => s.Variance(plan))];
        _moments = [.. steps.Select(_ => new List<JointMoments>())];
        _injected = [.. steps.Select(_ => new List<(double, double, double)>())];
    }

    /// <summary>Adds a unit's states at one step; a step without noise of its own has no variance to keep.</summary>
    public void Add(TrajectoryState state, NetworkEvaluator quantized, CancellationToken cancellation)
    {
        JointMoments[] images = _mean.Moments(state, _steps[state.Step], _parameters[state.Step], quantized, _needsAll, _none, cancellation);
        foreach (JointMoments image in images) Add(state.Step, image);
        if (_steps[state.Step].Evaluation.Learned is not { } learned) return;
        int elements = state.X.Length / state.Images;
        for (int i = 0; i < images.Length; i++)
        {
            var noise = new LearnedNoise();
            noise.Add(learned, state.Variance.AsSpan(i * elements, elements), quantized.Variance.AsSpan(i * elements, elements));
            _injected[state.Step].Add((noise.Reference, noise.Said, noise.Left(_corrections[state.Step].Removed)));
        }
    }

    /// <summary>Adds an image at one step: the moments of (M, E).</summary>
    public void Add(int step, JointMoments moments) => _moments[step].Add(moments);

    /// <summary>Mean over steps of |variance ratio to FP32 − 1|.</summary>
    /// <param name="images">Which images, some perhaps more than once.</param>
    /// <param name="calibrated">With σ', or with σ.</param>
    public double Distance(IReadOnlyCollection<int> images, bool calibrated) => Enumerable.Range(0, _steps.Length).Where(t => _moments[t].Count > 0).Average(t =>
    {
        var all = new JointMoments(_channels, 2);
        foreach (int image in images) all.Merge(_moments[t][image]);
        double mean = all.Covariance(0, 0), own = _steps[t].Sigma, calibratedSigma = calibrated ? _corrections[t].CalibratedSigma : own;
        var (reference, injected) = _injected[t].Count == 0 ? (own * own, calibratedSigma * calibratedSigma)
            : (images.Average(i => _injected[t][i].Own), images.Average(i => calibrated ? _injected[t][i].Left : _injected[t][i].Said));
        return Math.Abs((injected + mean + StepMean.AddedVariance(all)) / (reference + mean) - 1);
    });

    /// <summary>What σ' changes of <see cref="Distance"/>, with its interval over images.</summary>
    public Interval Change(ulong seed) => Bootstrap.Estimate(_moments.Max(m => m.Count), images => Distance(images, true) - Distance(images, false), seed);
}
