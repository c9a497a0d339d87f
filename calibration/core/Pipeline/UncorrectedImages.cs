namespace Specializer.Calibration;

/// <summary>A quantized network, and what its steps run with before any noise is measured.</summary>
/// <param name="Open">Makes it ready to run.</param>
/// <param name="Steps">Its activations' ranges, by row of the network's table of timesteps.</param>
/// <param name="FirstRow">Row of the solver's first step.</param>
internal readonly record struct UncorrectedNetwork(Func<NetworkEvaluator> Open, InterpretedStep[] Steps, int FirstRow = 0);

/// <summary>What choices about the network itself go by: held-out images, drawn free-running without corrections. One network is in memory at a time, beside FP32's.</summary>
/// <param name="context">Of the calibration.</param>
/// <param name="phase">Name of the choice, for the progress.</param>
internal sealed class UncorrectedImages(CalibrationContext context, string phase) : IDisposable
{
    private readonly ReferenceTrajectories _reference = context.Reference();
    private readonly int _elements = context.Model.Height * context.Model.Width * context.Model.Channels;

    private CalibrationOptions Options => context.Options;

    /// <summary>Units of held-out images.</summary>
    public static int Units(CalibrationOptions options) => ReferenceTrajectories.UnitsOf(HeldOutImages.Count(options));

    /// <summary>Held-out images before a unit.</summary>
    public static int Before(int unit, CalibrationOptions options) => Math.Min(unit * ReferenceTrajectories.UnitImages, HeldOutImages.Count(options));

    /// <summary>Work of comparing two networks, in evaluations of a unit's trajectories.</summary>
    /// <param name="options">Of the calibration.</param>
    /// <param name="images">How many images.</param>
    public static double Work(CalibrationOptions options, int images) => (1 + 2 * WorkShares.Drawn) * DrawingWork(options, images);

    /// <summary>What one network in place of another changes of the squared error to FP32, dB, for each image of a unit.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="with">The one.</param>
    /// <param name="without">The other.</param>
    public double[] ChangesDb(int unit, UncorrectedNetwork with, UncorrectedNetwork without)
    {
        int before = Before(unit, Options), count = Before(unit + 1, Options) - before;
        long first = Options.Trajectories + (long)before;
        float[] exact = _reference.Finals(first, count, context.Cancellation);
        context.Report(phase, DrawingWork(Options, count));
        PairedImages better = new(exact, Draw(with, first, count), _elements), worse = new(exact, Draw(without, first, count), _elements);
        return [.. Enumerable.Range(0, count).Select(i => better.ErrorDb(i) - worse.ErrorDb(i))];
    }

    /// <summary>The mean over images, and over solvers, of changes by solver and image, with its interval over images.</summary>
    public static Interval Mean(IReadOnlyList<List<double>> changes, ulong seed) => Bootstrap.Estimate(changes[0].Count, images => images.Average(n => changes.Average(c => c[n])), seed);

    /// <inheritdoc/>
    public void Dispose() => _reference.Dispose();

    private static double DrawingWork(CalibrationOptions options, int images) => (double)WorkShares.GuidedHalves(options) * images / ReferenceTrajectories.UnitImages;

    private float[] Draw(UncorrectedNetwork quantized, long first, int count)
    {
        using NetworkEvaluator network = quantized.Open();
        int[] labels = TrajectoryLabels.Of(context.Model, Options.Seed, first, count);
        var solver = new ProgramInterpreter(context.Program, count, _elements, ProgramInterpreter.Seeded(Options.Seed, first, count));
        var x = new float[count * _elements];
        solver.Begin();
        for (int step = 0, row = quantized.FirstRow; step < Options.Evaluations; step++, row++)
        {
            solver.Input(step, x);
            float[] prediction = GuidedPrediction.Evaluate(network, row, quantized.Steps[row], x, labels, Options.Guidance, context.Model.NoCondition, context.Cancellation);
            solver.Advance(step, prediction, network.Variance);
            context.Report(phase, WorkShares.Drawn * DrawingWork(Options, count) / Options.Evaluations);
        }

        solver.End();
        return solver.State.ToArray();
    }
}
