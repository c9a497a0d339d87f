namespace Specializer.Calibration;

/// <summary>Learns weights and step sizes on an engine with automatic differentiation, from what the earlier phases found.</summary>
internal sealed class ReconstructionPhase(CalibrationContext context, ReferenceEngine learner, QuantizedNetwork quantized, int[] widths, Checkpoint checkpoint)
{
    private const string Phase = "reconstruction";
    private const int Finished = int.MaxValue;
    // As many samples as BRECQ takes; spread over all steps.
    private const int Samples = 1024;
    // Forward and back, beside a forward evaluation.
    private const double TrainingWork = 3;

    /// <summary>Work of this phase, in evaluations of a unit's trajectories.</summary>
    public static double Work(CalibrationOptions options) =>
        TrainingWork * options.Reconstruction.Iterations * options.Reconstruction.BatchSize / (ReferenceTrajectories.UnitImages * (double)options.Evaluations);

    /// <summary>Replaces weights and step sizes by learned ones.</summary>
    /// <param name="tensors">Hold second-order rounding to start from.</param>
    /// <param name="ranges">Per width, step and slot; scales are replaced.</param>
    public void Run(QuantizedTensors tensors, ActivationRange[][][] ranges)
    {
        var weights = tensors.Quantized.ToDictionary(p => p.Key, p => p.Value, StringComparer.Ordinal);
        Quantization[][] rows = [.. ranges.SelectMany(width => width.Select(CalibrationRun.Quantizations))];
        int done = checkpoint.Load(Phase, Finished, (reader, blocks) =>
        {
            if (blocks != Finished && blocks > quantized.Network.Operations.Count) throw new InvalidDataException($"{blocks} blocks are more than there are operations");
            (weights, rows) = Read(reader, weights, rows);
        });
        if (done != Finished)
        {
            ReconstructedNetwork learned = learner.Reconstruct(
                new(context.Model, quantized.Network, context.Timesteps, weights, rows, Collect(), context.Options.Reconstruction) { Progress = new Share(context), BlocksDone = done, BlockDone = Save },
                context.Cancellation);
            (weights, rows) = (new(learned.Weights, StringComparer.Ordinal), [.. learned.Rows]);
            Save(Finished, weights, rows);
        }

        foreach (var (name, learned) in weights) tensors.Set(name, learned);
        for (int row = 0; row < rows.Length; row++)
        {
            ActivationRange[] step = ranges[row / context.Options.Evaluations][row % context.Options.Evaluations];
            for (int slot = 0; slot < step.Length; slot++) step[slot] = step[slot] with { Scale = rows[row][slot].Scale };
        }
    }

    /// <summary>States of the first trajectories at all steps; widths, and under guidance labels and the null label, take turns.</summary>
    private List<ReconstructionSample> Collect()
    {
        CalibrationOptions options = context.Options;
        int images = Math.Clamp(Samples / options.Evaluations, 1, options.Trajectories), elements = context.Model.Height * context.Model.Width * context.Model.Channels;
        var samples = new List<ReconstructionSample>();
        using ReferenceTrajectories reference = context.Reference();
        for (int first = 0; first < images; first += ReferenceTrajectories.UnitImages)
        {
            int count = Math.Min(ReferenceTrajectories.UnitImages, images - first);
            foreach (TrajectoryState state in reference.Run(first, count, cancellation: context.Cancellation))
            {
                for (int i = 0; i < count; i++)
                {
                    int width = (state.Step + first + i) % widths.Length;
                    int label = state.Labels.Length == 0 ? 0 : options.Guided && (first + i) % 2 == 1 ? context.Model.NoCondition.Of(state.Labels[i]) : state.Labels[i];
                    samples.Add(new(state.Step, width * options.Evaluations + state.Step, label, state.X.AsSpan(i * elements, elements).ToArray()));
                }
            }
        }

        return samples;
    }

    private void Save(int blocks, IReadOnlyDictionary<string, QuantizedWeights> weights, IReadOnlyList<Quantization[]> rows) =>
        checkpoint.Save(Phase, blocks, writer => Write(writer, weights, rows));

    private static void Write(BinaryWriter writer, IReadOnlyDictionary<string, QuantizedWeights> weights, IReadOnlyList<Quantization[]> rows)
    {
        foreach (QuantizedWeights w in weights.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Value))
        {
            foreach (sbyte value in w.Values) writer.Write(value);
            foreach (float value in w.Scales.Concat(w.Bias)) writer.Write(value);
            writer.Write(w.Loss);
        }

        foreach (Quantization q in rows.SelectMany(r => r)) writer.Write(q.Scale);
    }

    private static (Dictionary<string, QuantizedWeights> Weights, Quantization[][] Rows) Read(BinaryReader reader, Dictionary<string, QuantizedWeights> weights, Quantization[][] rows)
    {
        var read = new Dictionary<string, QuantizedWeights>(StringComparer.Ordinal);
        foreach (string name in weights.Keys.Order(StringComparer.Ordinal))
        {
            QuantizedWeights w = weights[name];
            int limit = WeightScales.Limit(w.Bits);
            read[name] = w with
            {
                Values = Array.ConvertAll(w.Values, _ => reader.ReadSByte() is var value && Math.Abs((int)value) <= limit ? value : throw new InvalidDataException($"a weight is not within ±{limit}")),
                Scales = Array.ConvertAll(w.Scales, _ => Positive(reader.ReadSingle())),
                Bias = Array.ConvertAll(w.Bias, _ => reader.ReadSingle() is var value && float.IsFinite(value) ? value : throw new InvalidDataException("a bias is not finite")),
                Loss = reader.ReadDouble() is var loss && double.IsFinite(loss) ? loss : throw new InvalidDataException("a loss is not finite"),
            };
        }

        return (read, Array.ConvertAll(rows, row => Array.ConvertAll(row, q => q with { Scale = Positive(reader.ReadSingle()) })));

        static float Positive(float scale) => scale > 0 && float.IsFinite(scale) ? scale : throw new InvalidDataException("a scale is not positive");
    }

    /// <summary>Turns blocks done into the calibration's work.</summary>
    private sealed class Share(CalibrationContext context) : IProgress<CalibrationProgress>
    {
        private double _done;

        public void Report(CalibrationProgress value)
        {
            double done = value.Done / value.Total;
            context.Report(value.Phase, (done - _done) * Work(context.Options));
            _done = done;
        }
    }
}
