using Specializer.Calibration;
using Specializer.Manifest;

namespace Specializer.Fuzz;

/// <summary>An imported model as a calibration would leave it, with ranges and noise at random in place of what it would find.</summary>
internal static class RandomQuantization
{
    /// <summary>Quantizes a model whose weights are rounded to nearest.</summary>
    /// <param name="model">Imported.</param>
    /// <param name="options">Widths, steps and guidance.</param>
    /// <param name="random">Gives the rest.</param>
    public static RandomArtifact Of(ImportedModel model, CalibrationOptions options, Random random)
    {
        SchedulerRun run = model.Scheduler.Run(null, options.Steps, null);
        QuantizedNetwork network = QuantizedNetwork.Of(model.Network, options.WeightBits, [], options.AttentionBits).Store(model.Halves);
        var plan = new CorrectionPlan(RandomNetwork.Pick(random, MeanCorrectionKind.Off, MeanCorrectionKind.Divide, MeanCorrectionKind.Mmse), ClampK: random.Next(2) == 0, Variance: random.Next(2) == 0);
        QuantizedTensors tensors = QuantizedTensors.Nearest(model, [.. run.Program.Evaluations.Select(e => e.Timestep.Single)], network.Network, threads: 1);
        Quantization[] constant = Ranges(network, 8, random);
        StepDecision[] steps = [.. run.Program.Evaluations.Select(evaluation =>
        {
            int bits = options.Activations switch { ActivationWidth.Four => 4, ActivationWidth.Eight => 8, _ => RandomNetwork.Pick(random, 4, 8) };
            Quantization[] ranges = [.. Ranges(network, bits, random).Select((range, slot) => network.Constant[slot] ? constant[slot] : range)];
            return new StepDecision(evaluation, bits, ranges, Noise(model, options.Guided, random), ErrorGain: random.NextDouble());
        })];
        CalibrationManifest manifest = ManifestBuilder.Build(model, run, options, network.Network, steps, plan, "uniform");
        return RandomArtifact.Of(ManifestWriter.Write(manifest), tensors.Bytes);
    }

    private static Quantization[] Ranges(QuantizedNetwork network, int bits, Random random) => [.. network.Widened.Select(widened =>
    {
        int levels = widened || bits == 8 ? 255 : 15;
        return new Quantization((float)((0.5 + random.NextDouble()) * 6 / levels), random.Next(levels + 1), levels);
    })];

    /// <summary>Moments of a prediction and of what quantization changes in it; under guidance, of both halves.</summary>
    private static JointMoments Noise(ImportedModel model, bool guided, Random random)
    {
        float[] first = Prediction(), second = guided ? Prediction() : [];
        return JointMoments.Of(first, second, Quantized(first), Quantized(second), model.Channels);

        float[] Prediction() => [.. Enumerable.Range(0, model.Height * model.Width * model.Channels).Select(_ => 2 * random.NextSingle() - 1)];

        float[] Quantized(float[] values) => [.. values.Select(v => v + 0.2f * (random.NextSingle() - 0.5f))];
    }
}
