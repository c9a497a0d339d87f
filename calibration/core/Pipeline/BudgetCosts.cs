namespace Specializer.Calibration;

/// <summary>c_t(n): the squared error of the final image when step t alone runs at n bits and all others in FP32, image by image, so that what is not known can be told from what is low.</summary>
internal sealed class BudgetCosts
{
    private const string Phase = "costs";

    // Work grows with the square of the steps, so the share is small.
    private const int Share = 16;

    private readonly double[][][] _costs; // [width][step][image]

    private BudgetCosts(double[][][] costs) => _costs = costs;

    /// <summary>Images that costs are measured on: a sixteenth of the trajectories, at least a unit. They are the first of the calibration's own, so that held-out ones stay unseen.</summary>
    public static int Images(CalibrationOptions options) => Math.Min(options.Trajectories, Math.Max(ReferenceTrajectories.UnitImages, options.Trajectories / Share));

    /// <summary>What 8 bits gain over 4 at a step, with its interval over images.</summary>
    /// <param name="step">Index of the step.</param>
    /// <param name="seed">Of the bootstrap.</param>
    public Interval Gain(int step, ulong seed)
    {
        double[] four = _costs[0][step], eight = _costs[1][step];
        return Bootstrap.Estimate(four.Length, images => images.Average(i => four[i] - eight[i]), seed);
    }

    /// <summary>Measures the costs.</summary>
    /// <param name="reference">FP32 trajectories.</param>
    /// <param name="quantized">The quantized network.</param>
    /// <param name="steps">Per width, 4 bits first, and step the quantization and mean correction.</param>
    /// <param name="options">Of the calibration.</param>
    /// <param name="none">What guidance leads away from.</param>
    /// <param name="checkpoint">Written after each step.</param>
    /// <param name="work">Told the evaluations of FP32 steps done, for one state per image of a unit.</param>
    /// <param name="resumed">Told the same of what an earlier run did.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public static BudgetCosts Measure(ReferenceTrajectories reference, NetworkEvaluator quantized, InterpretedStep[][] steps, CalibrationOptions options, NoCondition none,
        Checkpoint checkpoint, Action<double> work, Action<double> resumed, CancellationToken cancellation)
    {
        int images = Images(options), widths = steps.Length, count = options.Evaluations, units = (images + ReferenceTrajectories.UnitImages - 1) / ReferenceTrajectories.UnitImages;
        double[][][] costs = New();
        int done = checkpoint.Load(Phase, units * count, (reader, _) =>
        {
            double[][][] read = New();
            foreach (double[] cost in read.SelectMany(width => width))
            {
                for (int i = 0; i < cost.Length; i++)
                    cost[i] = reader.ReadDouble() is >= 0 and < double.PositiveInfinity and var value ? value : throw new InvalidDataException("a cost is negative or not finite");
            }

            costs = read;
        });
        for (int before = 0; before < done; before++) resumed(widths * (count - before % count) + (before % count == 0 ? count : 0));
        for (int unit = done / count; unit < units; unit++)
        {
            int first = unit * ReferenceTrajectories.UnitImages, own = Math.Min(ReferenceTrajectories.UnitImages, images - first);
            float[] exact = reference.Finals(first, own, cancellation);
            if (done <= unit * count) work(count);
            foreach (TrajectoryState state in reference.Run(first, own, cancellation: cancellation))
            {
                if (unit * count + state.Step < done) continue;
                int length = state.X.Length;
                // All widths side by side, so that they share the FP32 evaluations that follow.
                ProgramInterpreter solver = state.Solver.Branch(copies: widths);
                float[] predictions = new float[widths * length], variances = new float[state.Variance.Length * widths];
                for (int width = 0; width < widths; width++)
                {
                    GuidedPrediction.Evaluate(quantized, state.Step, steps[width][state.Step], state.X, state.Labels, options.Guidance, none, cancellation)
                        .CopyTo(predictions, width * length);
                    quantized.Variance.CopyTo(variances, width * quantized.Variance.Length);
                }

                solver.Advance(state.Step, predictions, variances);
                reference.Finish(state.Step + 1, first, own, solver, cancellation);
                for (int width = 0; width < widths; width++)
                {
                    var pairs = new PairedImages(exact, solver.State.Slice(width * length, length), length / own);
                    for (int i = 0; i < own; i++) costs[width][state.Step][first + i] = pairs.MeanSquaredError(i);
                }

                work(widths * (count - state.Step));
                checkpoint.Save(Phase, unit * count + state.Step + 1, writer =>
                {
                    foreach (double[] cost in costs.SelectMany(width => width)) Array.ForEach(cost, writer.Write);
                });
            }
        }

        return new(costs);

        double[][][] New() => [.. steps.Select(_ => Enumerable.Range(0, count).Select(_ => new double[images]).ToArray())];
    }
}
