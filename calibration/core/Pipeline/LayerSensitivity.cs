using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Measures, teacher-forced on a few FP32 states, what each 4-bit layer alone does to the prediction; everything else runs in FP32.</summary>
internal static class LayerSensitivity
{
    private const string Phase = "sensitivity";
    private const int States = 5;

    /// <summary>Work, in evaluations of a unit's trajectories.</summary>
    public static double Work(CalibrationRun run) => 1 + (double)Layers(run).Length * Math.Min(States, run.Context.Options.Evaluations) / run.Context.Options.Evaluations;

    /// <summary>All 4-bit layers, the most harmful for their cost first.</summary>
    /// <param name="run">Whose weights are quantized.</param>
    /// <param name="checkpoint">Written after each layer.</param>
    public static LayerHarm[] Measure(CalibrationRun run, Checkpoint checkpoint)
    {
        CalibrationContext context = run.Context;
        ConvolutionOperation[] layers = Layers(run);
        var maps = run.Quantized.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        var errors = new double[layers.Length];
        int done = checkpoint.Load(Phase, layers.Length, (reader, _) =>
        {
            double[] read = Array.ConvertAll(errors, _ => reader.ReadDouble());
            if (Array.Exists(read, error => !(error >= 0 && double.IsFinite(error)))) throw new InvalidDataException("an error is negative or not finite");
            errors = read;
        });
        TrajectoryState[] states = done == layers.Length ? [] : Collect(context);
        for (int i = done; i < layers.Length; i++)
        {
            errors[i] = Error(run, layers[i].Name, states);
            context.Report("sensitivity of each layer", (double)states.Length / context.Options.Evaluations);
            checkpoint.Save(Phase, i + 1, writer => Array.ForEach(errors, writer.Write));
        }

        return [.. layers.Select((layer, i) => new LayerHarm(layer.Name, errors[i], layer.Cost(maps).MultiplyAccumulates))
            .OrderByDescending(h => h.PerOperation).ThenBy(h => h.Layer, StringComparer.Ordinal)];
    }

    private static ConvolutionOperation[] Layers(CalibrationRun run) => [.. run.Quantized.Network.Operations.OfType<ConvolutionOperation>().Where(o => o.WeightBits == 4)];

    /// <summary>The first unit's states at a few steps, spread evenly from the middle of the first stretch to that of the last.</summary>
    private static TrajectoryState[] Collect(CalibrationContext context)
    {
        int count = Math.Min(States, context.Options.Evaluations);
        int[] steps = [.. Enumerable.Range(0, count).Select(i => (2 * i + 1) * context.Options.Evaluations / (2 * count))];
        using ReferenceTrajectories reference = context.Reference();
        var states = new List<TrajectoryState>();
        foreach (TrajectoryState state in reference.Run(0, cancellation: context.Cancellation))
        {
            // The arrays are reused for the next step.
            if (steps.Contains(state.Step)) states.Add(state with { X = [.. state.X], Prediction = [.. state.Prediction] });
            context.Report("sensitivity of each layer", 1.0 / context.Options.Evaluations);
        }

        return [.. states];
    }

    private static double Error(CalibrationRun run, string layer, TrajectoryState[] states)
    {
        CalibrationContext context = run.Context;
        string[] others = [.. context.Model.Network.Operations.OfType<ConvolutionOperation>().Select(o => o.Name).Where(name => name != layer)];
        QuantizedNetwork alone = QuantizedNetwork.Of(context.Model.StoredNetwork, 4, others);
        Func<string, long, byte[]> exact = context.Model.TensorBytes(context.Timesteps);
        using var evaluator = new NetworkEvaluator(alone.Network, context.Options.Evaluations,
            (name, length) => name[..name.LastIndexOf('.')] == layer ? run.Tensors.Bytes(name, length) : exact(name, length), context.Device, ReferenceTrajectories.CapacityOf(alone.Network, context.Options))
        { Contexts = context.Model.Contexts };
        double sum = 0;
        long count = 0;
        foreach (TrajectoryState state in states)
        {
            ActivationRange[] ranges = [.. alone.Sources.Select(source => ActivationSearch.Minimize(run.Activations.Histogram(state.Step, source), 15, run.ClippedWeight))];
            float[] epsilon = GuidedPrediction.Evaluate(evaluator, state.Step, new() { Quantizations = CalibrationRun.Quantizations(ranges) }, state.X, state.Labels,
                context.Options.Guidance, context.Model.NoCondition, context.Cancellation);
            for (int i = 0; i < epsilon.Length; i++) sum += Math.Pow((double)epsilon[i] - state.Prediction[i], 2);
            count += epsilon.Length;
        }

        return sum / count;
    }
}
