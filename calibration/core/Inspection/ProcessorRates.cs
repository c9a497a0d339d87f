using System.Diagnostics;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>How fast a processor is at one convolution that stands for all layers, by the width of the weights.</summary>
/// <param name="Float32">Multiply-accumulates a second in FP32.</param>
/// <param name="EightBit">With 8-bit weights and activations, quantized before.</param>
/// <param name="FourBit">With 4-bit weights and 8-bit activations, quantized before.</param>
public sealed record ProcessorRates(double Float32, double EightBit, double FourBit)
{
    // Of the extents that networks of 32×32 pictures have in the middle.
    private const int Size = 16, Channels = 128, Kernel = 3;
    private const double Products = (double)Size * Size * Channels * Channels * Kernel * Kernel;

    // Some of them undisturbed, also where another program has the processor for most of the time.
    private const int LeastRuns = 20;

    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(0.1);

    /// <summary>Measures them, in about 0.1 s each. Of all runs the fastest counts, so that another program's share of the processor matters little.</summary>
    /// <param name="device">Runs the convolution, on its threads.</param>
    public static ProcessorRates Measure(CpuDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new(Rate(device, 32), Rate(device, 8), Rate(device, 4));
    }

    private static double Rate(CpuDevice device, int bits)
    {
        const int Levels = 255;
        InterpretedStep step = bits == 32 ? InterpretedStep.Float32 : new() { Quantizations = [new(2f / Levels, Levels / 2, Levels)] };
        var random = new Random(1);
        using var evaluator = new NetworkEvaluator(Convolution(bits), 1, (name, length) => Tensor(name, length, bits, random), device, 1);
        float[] x = [.. Enumerable.Range(0, Size * Size * Channels).Select(_ => 2 * random.NextSingle() - 1)], y = new float[x.Length];
        evaluator.Evaluate(0, step, x, [], y); // compiles it
        var all = Stopwatch.StartNew();
        double fastest = double.PositiveInfinity;
        for (int run = 0; run < LeastRuns || all.Elapsed < s_time; run++)
        {
            long start = Stopwatch.GetTimestamp();
            evaluator.Evaluate(0, step, x, [], y);
            fastest = Math.Min(fastest, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return Products / fastest;
    }

    private static Network Convolution(int bits)
    {
        Map x = new("x", Size, Size, Channels, MapType.Float32), y = x with { Name = "y" };
        var convolution = new ConvolutionOperation("convolution", bits == 32 ? "x" : "q", "y", null, Kernel, 1, Kernel / 2, Kernel / 2, 1, bits, -1, new("1"));
        return bits == 32 ? new("x", "y", new([x, y]), new(0, 0, 0), new([convolution]))
            : new("x", "y", new([x, x with { Name = "q", Type = bits == 4 ? MapType.Quantized8 : MapType.Quantized16 }, y]), new(0, 0, 0), new([new QuantizeOperation("quantize", "x", "q"), convolution]));
    }

    // How long sums may be kept narrow depends on the weights: most are small, as trained ones are.
    private static byte[] Tensor(string name, long length, int bits, Random random)
    {
        var bytes = new byte[length];
        bool integers = bits < 32 && name.EndsWith(".weight", StringComparison.Ordinal);
        for (int i = 0; i < bytes.Length; i += integers ? 1 : sizeof(float))
        {
            if (integers) bytes[i] = (byte)(Nibble() | Nibble() << 4);
            else BitConverter.TryWriteBytes(bytes.AsSpan(i), 0.01f);
        }

        return bytes;

        int Nibble() => (random.Next(-3, 5) + random.Next(-3, 4)) & 15;
    }
}
