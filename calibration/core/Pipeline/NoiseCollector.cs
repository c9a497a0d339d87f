namespace Specializer.Calibration;

/// <summary>Quantization noise of one bit width at every step: teacher-forced, on the integer kernels that will run.</summary>
internal sealed class NoiseCollector
{
    private const int SampledPairs = 4096;

    private readonly ReplicatedMoments[] _moments;
    private readonly ResidualSample[] _samples;
    private readonly InterpretedStep[] _steps;
    private readonly int _channels, _pixels;
    private readonly double _guidance;
    private float[] _conditional = [], _unconditional = [];

    /// <param name="quantizations">Per step the parameters of every slot.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">Of the calibration.</param>
    public NoiseCollector(Quantization[][] quantizations, ImportedModel model, CalibrationOptions options)
    {
        (_channels, _pixels, _guidance) = (model.Channels, model.Height * model.Width, options.Guidance);
        _steps = [.. quantizations.Select(q => new InterpretedStep { Quantizations = q })];
        _moments = [.. _steps.Select(_ => new ReplicatedMoments(_channels, options.Guided ? 4 : 2, options.Trajectories, options.Seed))];
        _samples = [.. _steps.Select(_ => new ResidualSample(SampledPairs, options.Trajectories, options.Seed))];
    }

    /// <summary>Bytes that it takes at most.</summary>
    /// <param name="channels">Channels of the output.</param>
    /// <param name="options">Of the calibration.</param>
    public static long Bytes(int channels, CalibrationOptions options) => options.Evaluations
        * (ReplicatedMoments.Bytes(channels, options.Guided ? 4 : 2, ReferenceTrajectories.UnitsOf(options.Trajectories)) + ResidualSample.Bytes(SampledPairs));

    /// <summary>Moments of a step.</summary>
    public JointMoments Moments(int step) => _moments[step].All;

    /// <summary>The noise of a step's prediction with the guidance that is compiled in.</summary>
    public NoiseFit Fit(int step) => NoiseFit.Of(Moments(step), _guidance);

    /// <summary>A statistic of the same, with its interval.</summary>
    public Interval Interval(int step, Func<NoiseFit, double> statistic) => _moments[step].Interval(m => statistic(NoiseFit.Of(m, _guidance)));

    /// <summary>Shape of its residual.</summary>
    public Normality Shape(int step) => _samples[step].Test(Fit(step));

    /// <summary>Evaluates the quantized network on a unit's states and adds its noise.</summary>
    public void Add(TrajectoryState state, NetworkEvaluator quantized, NoCondition none, CancellationToken cancellation)
    {
        if (_conditional.Length != state.X.Length) (_conditional, _unconditional) = (new float[state.X.Length], new float[state.Unconditional.Length]);
        quantized.Evaluate(state.Step, _steps[state.Step], state.X, state.Labels, _conditional, null, cancellation);
        bool guided = state.Unconditional.Length > 0;
        if (guided) quantized.Evaluate(state.Step, _steps[state.Step], state.X, none.Of(state.Labels), _unconditional, null, cancellation);

        float[] prediction = [.. _conditional];
        GuidedPrediction.Combine(prediction, _unconditional, _guidance);
        int elements = state.X.Length / state.Images;
        var moments = new JointMoments[state.Images];
        for (int i = 0; i < state.Images; i++)
        {
            Range image = (i * elements)..((i + 1) * elements);
            moments[i] = guided
                ? JointMoments.Of(state.Unconditional.AsSpan(image), state.Conditional.AsSpan(image), _unconditional.AsSpan(image), _conditional.AsSpan(image), _channels)
                : JointMoments.Of(state.Conditional.AsSpan(image), _conditional.AsSpan(image), _channels);
            _samples[state.Step].Add(state.Step, state.FirstImage + i, state.Prediction.AsSpan(image), prediction.AsSpan(image), _channels);
        }

        _moments[state.Step].Add(state.FirstImage, moments);
    }

    /// <summary>Adds the noise of the units that follow.</summary>
    public void Merge(NoiseCollector following)
    {
        for (int step = 0; step < _moments.Length; step++)
        {
            _moments[step].Merge(following._moments[step]);
            _samples[step].Merge(following._samples[step]);
        }
    }

    /// <summary>Writes what is known of a step.</summary>
    public void WriteStep(int step, BinaryWriter writer)
    {
        _moments[step].Write(writer);
        _samples[step].Write(writer);
    }

    /// <summary>Reads what <see cref="WriteStep"/> wrote for the same network and options, where nothing is known yet.</summary>
    /// <param name="step">The step.</param>
    /// <param name="reader">Where it stands.</param>
    /// <param name="range">Units that it is of.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void ReadStep(int step, BinaryReader reader, UnitRange range)
    {
        _moments[step].Read(reader, range.First, range.End, _pixels);
        _samples[step].Read(reader, _channels);
    }
}
