using Specializer.Benchmarks.Kernels;
using Specializer.Benchmarks.Models;
using Specializer.Calibration;
using Specializer.Ilgpu;
using Specializer.Manifest;

namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>A network on a device, prepared, with states in place: ready to be evaluated again and again.</summary>
internal sealed class DeviceBench : IDisposable
{
    private readonly PackedWeights _packed;
    private readonly DeviceWeights _weights;

    public DeviceBench(IlgpuDevice device, Network network, Func<string, long, byte[]> bytes, InterpretedStep step, int rows, int batch)
    {
        var interpreter = new NetworkInterpreter(network, rows);
        Literal = new(interpreter, step);
        _packed = interpreter.Pack(bytes);
        _weights = device.Upload(_packed);
        Execution = (IlgpuExecution)device.CreateExecution(_weights, interpreter.Plan.BytesPerImage, interpreter.Vectors, batch);
        Execution.Prepare(() => Literal.Run(Execution));
        Execution.Begin(batch, network.Embedding.Classes == 0 ? [] : new int[batch], default);
        var random = new Random(3);
        var states = new float[batch * interpreter.LatentElements];
        for (int i = 0; i < states.Length; i++) states[i] = 2 * random.NextSingle() - 1;
        Execution.Write(interpreter.Latent, interpreter.LatentElements, states);
        Literal.Run(Execution);
    }

    public IlgpuExecution Execution { get; }

    public LiteralNetwork Literal { get; }

    /// <summary>A single operation with random weights.</summary>
    public static DeviceBench Of(IlgpuDevice device, Network network, int levels, int batch)
    {
        var random = new Random(4);
        var step = new InterpretedStep { Quantizations = [.. network.Maps.Where(m => m.IsQuantized).Select(_ => KernelNetworks.Range(levels))] };
        return new(device, network, (name, length) => RandomBytes(name, length, random), step, 1, batch);
    }

    /// <summary>A model, FP32 (then <paramref name="ranges"/> is not needed) or quantized.</summary>
    public static DeviceBench Of(IlgpuDevice device, BenchmarkModel model, Precision precision, ActivationRangesOf ranges, int batch)
    {
        if (precision.WeightBits == 32) return new(device, model.Network, model.Bytes, InterpretedStep.Float32, BenchmarkModel.Timesteps.Length, batch);
        var quantized = new MinMaxQuantization(model, precision.WeightBits);
        return new(device, quantized.Network, quantized.Bytes, quantized.Step(ranges(model), precision.Levels == 15 ? 4 : 8), BenchmarkModel.Timesteps.Length, batch);
    }

    public void Dispose()
    {
        Execution.Dispose();
        _weights.Dispose();
        _packed.Dispose();
    }

    // Real numbers are small and positive, as scales must be; 4-bit weights lie in [−7, 7], so no nibble may be 8.
    private static byte[] RandomBytes(string name, long length, Random random)
    {
        var bytes = new byte[length];
        bool real = !name.EndsWith(KernelNetworks.IntegerWeights, StringComparison.Ordinal);
        for (int i = 0; i < bytes.Length; i += real ? 4 : 1)
        {
            if (real) BitConverter.TryWriteBytes(bytes.AsSpan(i), 0.01f + 0.1f * random.NextSingle());
            else bytes[i] = (byte)(random.Next(8) | random.Next(8) << 4);
        }

        return bytes;
    }
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
    public static readonly Precision[] All =
        [new("W8A8", 8, 255, false), new("W4A8", 4, 255, false), new("W4A4", 4, 15, false), new("FP32", 32, 0, false), new("FP16", 32, 0, true)];
}
