namespace Specializer.Calibration;

/// <summary>c_t(n): the mean squared error of the final image when step t alone runs at n bits and all others in FP32.</summary>
internal static class BudgetCosts
{
    private const string Phase = "costs";

    /// <summary>Images that costs are measured on; they are the first of the calibration's own, so that held-out ones stay unseen.</summary>
    public static int Images(CalibrationOptions options) => Math.Min(ReferenceTrajectories.UnitImages, options.Trajectories);

    /// <summary>Measures the costs.</summary>
    /// <param name="reference">FP32 trajectories.</param>
    /// <param name="quantized">The quantized network.</param>
    /// <param name="steps">Per width and step the quantization and mean correction.</param>
    /// <param name="options">Of the calibration.</param>
    /// <param name="nullLabel">Of the model.</param>
    /// <param name="checkpoint">Written after each step.</param>
    /// <param name="work">Told the evaluations of FP32 steps done, for one state per image.</param>
    /// <param name="cancellation">Acts within a step.</param>
    /// <returns>[width][step].</returns>
    public static double[][] Measure(ReferenceTrajectories reference, NetworkEvaluator quantized, InterpretedStep[][] steps, CalibrationOptions options, int nullLabel,
        Checkpoint checkpoint, Action<double> work, CancellationToken cancellation)
    {
        int images = Images(options), widths = steps.Length, count = options.Steps;
        double[][] costs = [.. steps.Select(_ => new double[count])];
        int done = checkpoint.Load(Phase, count, (reader, _) =>
        {
            double[][] read = [.. costs.Select(width => Array.ConvertAll(width, _ => reader.ReadDouble()))];
            if (read.Any(width => Array.Exists(width, cost => !(cost >= 0 && double.IsFinite(cost))))) throw new InvalidDataException("a cost is negative or not finite");
            costs = read;
        });
        for (int step = 0; step < done; step++) work(widths * (count - step));
        float[] exact = reference.Finals(0, images, cancellation);
        work(count);
        foreach (TrajectoryState state in reference.Run(0, images, cancellation: cancellation))
        {
            if (state.Step < done) continue;
            int length = state.X.Length;
            // All widths side by side, so that they share the FP32 evaluations that follow.
            var x = new float[widths * length];
            for (int width = 0; width < widths; width++)
            {
                float[] next = [.. state.X];
                reference.Advance(state.Step, 0, images, next,
                    GuidedPrediction.Evaluate(quantized, state.Step, steps[width][state.Step], state.X, state.Labels, options.Guidance, nullLabel, cancellation));
                next.CopyTo(x, width * length);
            }

            reference.Finish(state.Step + 1, 0, images, x, cancellation);
            for (int width = 0; width < widths; width++) costs[width][state.Step] = MeanSquaredError(x.AsSpan(width * length, length), exact);
            work(widths * (count - state.Step));
            checkpoint.Save(Phase, state.Step + 1, writer =>
            {
                foreach (double[] width in costs) Array.ForEach(width, writer.Write);
            });
        }

        return costs;
    }

    private static double MeanSquaredError(ReadOnlySpan<float> images, ReadOnlySpan<float> exact)
    {
        double sum = 0;
        for (int i = 0; i < exact.Length; i++)
        {
            double difference = (double)images[i] - exact[i];
            sum += difference * difference;
        }

        return sum / exact.Length;
    }
}
