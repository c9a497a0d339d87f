using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Fuzz;

/// <summary>FP32 networks, exported and run by ONNX Runtime, beside the interpreter: within a bound, for other orders of addition round otherwise.</summary>
internal sealed class OnnxComparison : IComparison
{
    /// <summary>Of the largest number of a prediction, or of 1 where that is larger.</summary>
    private const float Bound = 1e-5f;

    /// <summary>What numbers are changed by, relatively, to see how far a network's prediction moves: some units of their last place.</summary>
    private const float Nudge = 5e-7f;

    private const int Images = 2, Nudges = 8;

    private readonly CpuDevice _device = new(2);
    private readonly SessionOptions _options = new() { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
    private long _compared, _quantized, _halved, _unsteady;
    private float _largest;

    public string Name => "onnx";

    public string Remark => FormattableString.Invariant($"{_compared} within {Bound:R} of the largest number, the furthest {_largest:R}; not compared: {_quantized} with integers and {_halved} with parts of a joined map alone, which have no ONNX form, {_unsteady} whose own prediction moves that far when their numbers change in the last places");

    public string?[] Faults(IReadOnlyList<RandomArtifact> networks) => [.. networks.Select(Difference)];

    private string? Difference(RandomArtifact artifact)
    {
        CalibrationManifest manifest = artifact.Manifest;
        Network network = manifest.Network;
        if (new QuantizationSlots(network).Count > 0)
        {
            _quantized++;
            return null;
        }

        WholeConvolution[] convolutions = [.. WholeConvolution.In(network).Values];
        if (network.Operations.OfType<GroupNormOperation>().Any(n => n.Skip is not null && !convolutions.Any(c => c.Halves.Select(h => h.Input).SequenceEqual(n.Outputs()))))
        {
            _halved++;
            return null;
        }

        Dictionary<string, float[]> weights = WeightTensors.Of(network, manifest.Steps.Count).Values.ToDictionary(t => t.Name, t => RandomWeights.Numbers(t, artifact.Tensor(t.Name, t.Bytes)));
        var random = new Random(7);
        Map latent = network.Maps.Single(m => m.Name == network.Latent);
        var states = new float[manifest.Steps.Count * Images * latent.Pixels * latent.Channels];
        foreach (ref float value in states.AsSpan()) value = 4 * random.NextSingle() - 2;
        float[] expected = Predict(manifest, weights, states), actual = Runtime(manifest, weights, states);
        float distance = Distance(expected, actual);
        if (distance <= Bound)
        {
            _compared++;
            _largest = Math.Max(_largest, distance);
            return null;
        }

        // What is nearest, or equals a number, can change with the last bit of a sum; and what is divided by next to nothing moves far.
        for (int i = 0; i < Nudges; i++)
        {
            Dictionary<string, float[]> near = weights.ToDictionary(w => w.Key, w => Nudged(w.Value, random));
            if (Distance(expected, Predict(manifest, near, Nudged(states, random))) <= distance / 8) continue;
            _unsteady++;
            return null;
        }

        int at = Enumerable.Range(0, expected.Length).MaxBy(i => MathF.Abs(expected[i] - actual[i]) is var d && float.IsNaN(d) ? float.MaxValue : d);
        return FormattableString.Invariant($"In ONNX Runtime element {at} of {expected.Length} is {actual[at]:R}; interpreted it is {expected[at]:R}, and the largest is {expected.Max(MathF.Abs):R}.");
    }

    /// <summary>Of each step some images, interpreted.</summary>
    private float[] Predict(CalibrationManifest manifest, Dictionary<string, float[]> weights, float[] states)
    {
        IReadOnlyDictionary<string, WeightTensor> tensors = WeightTensors.Of(manifest.Network, manifest.Steps.Count);
        using var evaluator = new NetworkEvaluator(manifest.Network, manifest.Steps.Count, (name, _) => tensors[name].Type == "F16"
            ? MemoryMarshal.AsBytes<Half>([.. weights[name].Select(w => (Half)w)]).ToArray() : MemoryMarshal.AsBytes(weights[name].AsSpan()).ToArray(), _device, Images);
        var predictions = new float[states.Length];
        int elements = states.Length / manifest.Steps.Count;
        for (int step = 0; step < manifest.Steps.Count; step++)
            evaluator.Evaluate(step, InterpretedStep.Float32, states.AsSpan(step * elements, elements), Labels(manifest, Images), predictions.AsSpan(step * elements, elements));
        return predictions;
    }

    /// <summary>The same by ONNX Runtime, in one batch.</summary>
    private float[] Runtime(CalibrationManifest manifest, Dictionary<string, float[]> weights, float[] states)
    {
        Map latent = manifest.Network.Maps.Single(m => m.Name == manifest.Network.Latent);
        int steps = manifest.Steps.Count, images = steps * Images, elements = states.Length / images;
        using var model = new MemoryStream();
        OnnxExporter.Export(manifest.Network, name => weights[name], model, new() { Timesteps = steps });
        using var session = new InferenceSession(model.ToArray(), _options);
        using var options = new RunOptions();
        // A map of one row is a list of tokens.
        long[] shape = latent.Height == 1 ? [images, latent.Width, latent.Channels] : [images, latent.Channels, latent.Height, latent.Width];
        float[] planes = latent.Height == 1 ? states : [.. states.Chunk(elements).SelectMany(image => Enumerable.Range(0, elements).Select(i => image[i % latent.Pixels * latent.Channels + i / latent.Pixels]))];
        using OrtValue sample = OrtValue.CreateTensorValueFromMemory(planes, shape);
        using OrtValue timestep = OrtValue.CreateTensorValueFromMemory([.. Enumerable.Range(0, images).Select(i => (long)i / Images)], [images]);
        using OrtValue label = OrtValue.CreateTensorValueFromMemory([.. Enumerable.Repeat(Labels(manifest, Images), steps).SelectMany(l => l).Select(l => (long)l)], [images]);
        Dictionary<string, OrtValue> inputs = new() { ["sample"] = sample, ["timestep"] = timestep, ["label"] = label };
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, session.InputNames, [.. session.InputNames.Select(name => inputs[name])], session.OutputNames);
        float[] output = results[0].GetTensorDataAsSpan<float>().ToArray();
        return latent.Height == 1 ? output : [.. output.Chunk(elements).SelectMany(image => Enumerable.Range(0, elements).Select(i => image[i % latent.Channels * latent.Pixels + i / latent.Channels]))];
    }

    private static int[] Labels(CalibrationManifest manifest, int images) => [.. Enumerable.Range(0, images).Select(i => manifest.Model.Classes == 0 ? 0 : i % manifest.Model.Classes)];

    private static float[] Nudged(float[] values, Random random) => [.. values.Select(v => v * (1 + Nudge * (2 * random.NextSingle() - 1)))];

    /// <summary>The largest difference, as a part of the largest number.</summary>
    private static float Distance(float[] expected, float[] actual)
    {
        float largest = Math.Max(1, expected.Max(MathF.Abs));
        return expected.Zip(actual).Max(p => float.IsNaN(p.First) && float.IsNaN(p.Second) ? 0 : p.First == p.Second ? 0 : float.IsNaN(p.First - p.Second) ? float.PositiveInfinity : MathF.Abs(p.First - p.Second)) / largest;
    }

    public void Dispose()
    {
        _device.Dispose();
        _options.Dispose();
    }
}
