using System.Runtime.InteropServices;
using Specializer.Benchmarks.Kernels;
using Specializer.Benchmarks.Models;
using Specializer.Calibration;
using Specializer.GpuBenchmarks.Shapes;
using Specializer.Ilgpu;
using Specializer.Manifest;

namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>A network with weights, packed once for all devices and batches.</summary>
internal sealed class BenchNetwork : IDisposable
{
    public BenchNetwork(Network network, Func<string, long, byte[]> bytes, InterpretedStep step, int rows)
    {
        Interpreter = new(network, rows);
        Step = step;
        Weights = Interpreter.Pack(bytes);
    }

    public NetworkInterpreter Interpreter { get; }
    public InterpretedStep Step { get; }
    public PackedWeights Weights { get; }

    /// <summary>A single operation with random weights: real numbers positive, as scales must be.</summary>
    public static BenchNetwork Of(Layer layer, Precision precision)
    {
        Network network = layer.Network(precision.WeightBits);
        var random = new Random(4);
        var step = new InterpretedStep { Quantizations = [.. Enumerable.Repeat(KernelNetworks.Range(precision.Levels), new QuantizationSlots(network).Count)] };
        return new(network, (name, length) => RandomBytes(name, length, random), step, 1);
    }

    /// <summary>A model, FP32 (then <paramref name="ranges"/> is not needed) or quantized.</summary>
    public static BenchNetwork Of(BenchmarkModel model, Precision precision, ActivationRangesOf ranges)
    {
        if (precision.WeightBits == 32) return new(model.Network, model.Bytes, InterpretedStep.Float32, BenchmarkModel.Timesteps.Length);
        var quantized = new MinMaxQuantization(model, precision.WeightBits);
        return new(quantized.Network, quantized.Bytes, quantized.Step(ranges(model), precision.Levels == 15 ? 4 : 8), BenchmarkModel.Timesteps.Length);
    }

    /// <summary>Numbers from −1 to 1, the same for every image.</summary>
    public float[] States(int batch)
    {
        var random = new Random(3);
        int elements = Interpreter.LatentElements;
        var states = new float[batch * elements];
        for (int i = 0; i < elements; i++) states[i] = 2 * random.NextSingle() - 1;
        for (int image = 1; image < batch; image++) states.AsSpan(0, elements).CopyTo(states.AsSpan(image * elements));
        return states;
    }

    public void Dispose() => Weights.Dispose();

    // 4-bit weights lie in [−7, 7], so no nibble may be 8.
    private static byte[] RandomBytes(string name, long length, Random random)
    {
        var bytes = new byte[length];
        if (name.EndsWith(KernelNetworks.IntegerWeights, StringComparison.Ordinal))
        {
            random.NextBytes(bytes);
            for (int i = 0; i < bytes.Length; i++) bytes[i] &= 0x77;
        }
        else
        {
            Span<float> reals = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
            for (int i = 0; i < reals.Length; i++) reals[i] = 0.01f + 0.1f * random.NextSingle();
        }

        return bytes;
    }
}

/// <summary>A network's weights on a GPU, and its operations in kernels for literal shapes.</summary>
internal sealed class DeviceNetwork(IlgpuDevice device, BenchNetwork network) : IDisposable
{
    private readonly DeviceWeights _weights = device.Upload(network.Weights);

    public LiteralNetwork Literal { get; } = new(network.Interpreter, network.Step);

    /// <summary>Evaluates the network once.</summary>
    public void Step(IlgpuExecution run)
    {
        Literal.Run(run);
        run.EndStep(0);
    }

    /// <summary>A session, prepared, with states in place and evaluated once: ready to be evaluated again and again.</summary>
    public IlgpuExecution Open(int batch)
    {
        var run = (IlgpuExecution)device.CreateExecution(_weights, network.Interpreter.Plan.BytesPerImage, network.Interpreter.Vectors, batch);
        run.Prepare(() => Literal.Run(run));
        run.Begin(batch, network.Interpreter.Network.Embedding.Classes == 0 ? [] : new int[batch], default);
        run.Write(network.Interpreter.Latent, network.Interpreter.LatentElements, network.States(batch));
        Step(run);
        return run;
    }

    public void Dispose() => _weights.Dispose();
}

/// <summary>Ranges of a model's activations; measured once.</summary>
internal delegate Calibration.Export.ActivationRanges ActivationRangesOf(BenchmarkModel model);

/// <summary>How a layer or a model is computed.</summary>
/// <param name="Name">As tables call it.</param>
/// <param name="WeightBits">4 or 8; 32 for FP32 weights.</param>
/// <param name="Levels">Largest quantized activation.</param>
/// <param name="Half">On a device with half precision.</param>
internal sealed record Precision(string Name, int WeightBits, int Levels, bool Half)
{
    /// <summary>What matters most comes first, in case the time is short.</summary>
    public static readonly Precision[] All =
        [new("W8A8", 8, 255, false), new("FP16", 32, 0, true), new("W4A8", 4, 255, false), new("W4A4", 4, 15, false), new("FP32", 32, 0, false)];
}
