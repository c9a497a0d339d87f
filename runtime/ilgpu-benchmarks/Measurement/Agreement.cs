using System.Runtime.InteropServices;
using Specializer.Calibration;
using Specializer.GpuBenchmarks.Report;
using Specializer.GpuBenchmarks.Shapes;
using Specializer.Ilgpu;

namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>Whether the device computes what <see cref="CpuDevice"/> computes.</summary>
internal static class Agreement
{
    /// <summary>What the final image must reach.</summary>
    private const double Decibels = 50;

    /// <summary>A whole image of the shipped sampler; of a slow device one step, whose bits must be the same.</summary>
    public static ImageAgreementRow Image(IlgpuDevice device, bool whole)
    {
        using MnistSampler here = MnistSampler.Load(), there = MnistSampler.Load(device);
        float[] expected = whole ? here.Sample(new() { Count = 1, Seed = 5, Labels = [3] }).Pixels.ToArray() : Step(here), actual = whole ? there.Sample(new() { Count = 1, Seed = 5, Labels = [3] }).Pixels.ToArray() : Step(there);
        double error = expected.Zip(actual, (e, a) => (double)(e - a) * (e - a)).Average();
        // Pixels span 2: from −1 to 1.
        double? decibels = error == 0 ? null : 10 * Math.Log10(4 / error);
        return new(whole ? "final image" : "first step", device.Options.HalfPrecision, decibels, decibels is null or >= Decibels);
    }

    /// <summary>How many images have other bits when steps are queued as graphs: three runs each without and with guidance, the second captures, the third only repeats.</summary>
    public static (int Images, int Differing) Replayed(IlgpuDevice single, IlgpuDevice graphs)
    {
        using MnistSampler here = MnistSampler.Load(single), there = MnistSampler.Load(graphs);
        int images = 0, differing = 0;
        foreach (float guidance in (float[])[1f, here.Description.GuidanceMaximum])
            for (ulong seed = 5; seed < 8; seed++)
            {
                ReadOnlySpan<float> expected = here.Sample(new() { Count = 1, Seed = seed, Labels = [3], Guidance = guidance }).Pixels.Span, actual = there.Sample(new() { Count = 1, Seed = seed, Labels = [3], Guidance = guidance }).Pixels.Span;
                images++;
                if (!MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual))) differing++;
            }

        return (images, differing);
    }

    /// <summary>Layer by layer on equal inputs, for every batch, as larger ones use other tiles. Integers, and on CUDA everything but FP16 and what the CPU computes by Winograd's form, must have the same bits.</summary>
    public static IEnumerable<AgreementRow> Layers(OpenDevices devices, TimeBox box, int width, IReadOnlyCollection<Layer> layers, int[] batches)
    {
        // Both devices are opened before several threads ask for them.
        Dictionary<bool, IlgpuDevice> open = new() { [false] = devices[false].Device, [true] = devices[true].Device };
        var jobs = layers.Distinct().SelectMany(layer => Precision.All.Where(p => Applies(layer, p)).Select(precision => (layer, precision)));
        return box.SideBySide(jobs, width, job => Compare(open[job.precision.Half], job.layer, job.precision, batches)).SelectMany(rows => rows);
    }

    private static AgreementRow[] Compare(IlgpuDevice device, Layer layer, Precision precision, int[] batches)
    {
        // Group norm: maps of bytes, which is how both devices store those of 4-bit weights.
        using BenchNetwork bench = BenchNetwork.Of(layer, layer is NormLayer && precision.WeightBits == 8 ? precision with { WeightBits = 4 } : precision);
        using var on = new DeviceNetwork(device, bench);
        using var cpu = new CpuDevice(1);
        using DeviceWeights weights = cpu.Upload(bench.Weights);
        using Execution here = cpu.CreateExecution(weights, bench.Interpreter.Plan.BytesPerImage, bench.Interpreter.Vectors, 1);
        float[] states = bench.States(1), expected = OnCpu(here, bench, states), bounds = [];
        if (precision.Half && layer is ConvolutionLayer c)
        {
            // All weights are positive: the products' magnitudes add up to the layer's result for magnitudes. docs/gpu.md.
            double products = (double)c.Case.KernelSize * c.Case.KernelSize * c.Case.Inputs;
            bounds = [.. OnCpu(here, bench, [.. states.Select(MathF.Abs)]).Select(sum => (float)((1.01 * Math.Pow(2, -10) + products * Math.Pow(2, -22)) * sum + products * Math.Pow(2, -24)))];
        }
        else if (precision.WeightBits == 32 && layer is ConvolutionLayer { Case: { KernelSize: 3, Stride: 1 } })
        {
            // The CPU's FP32 form is Winograd's, which rounds otherwise: docs/gpu.md.
            float bound = 1e-5f * expected.Max(MathF.Abs);
            bounds = [.. expected.Select(_ => bound)];
        }
        else if (precision.Half && layer is AttentionLayer a)
        {
            // Numbers of at most 1, so a score sums at most as many products of at most 1.
            double depth = a.Channels / a.Heads, tokens = a.Size * a.Size, delta = (1.01 * Math.Pow(2, -10) + depth * Math.Pow(2, -22)) * Math.Sqrt(depth);
            bounds = [.. expected.Select(_ => (float)(Math.Exp(2 * delta) - 1 + Math.Pow(2, -9) + tokens * Math.Pow(2, -22)))];
        }

        return [.. batches.Select(batch =>
        {
            using IlgpuExecution there = on.Open(batch);
            float[] actual = Result(there, bench);
            int differing = 0, outside = 0;
            double largest = 0;
            // Every image has the same states.
            for (int i = 0; i < actual.Length; i++)
            {
                float wanted = expected[i % expected.Length];
                double difference = Math.Abs((double)wanted - actual[i]);
                bool same = BitConverter.SingleToInt32Bits(wanted) == BitConverter.SingleToInt32Bits(actual[i]);
                if (!same) differing++;
                if (bounds.Length == 0 ? !same : !(difference <= bounds[i % expected.Length])) outside++;
                largest = Math.Max(largest, difference);
            }

            return new AgreementRow(layer.ToString()!, precision.Name, batch, actual.Length, differing, largest, outside == 0);
        })];
    }

    private static float[] OnCpu(Execution run, BenchNetwork bench, float[] states)
    {
        run.Begin(1, default, default);
        run.Write(bench.Interpreter.Latent, states.Length, states);
        bench.Interpreter.Run(run, 0, bench.Step);
        return Result(run, bench);
    }

    /// <summary>The last map of all images.</summary>
    public static float[] Result(Execution run, BenchNetwork bench)
    {
        NetworkInterpreter network = bench.Interpreter;
        var map = network.Network.Maps.Single(m => m.Name == network.Network.Epsilon);
        int elements = network.Elements(map.Name) / (map.IsQuantized ? 4 : 1);
        var result = new float[run.Batch * elements];
        run.Read(network.Buffer(map.Name), elements, result);
        return map.IsQuantized ? [.. MemoryMarshal.AsBytes(result.AsSpan()).ToArray().Select(b => (float)b)] : result;
    }

    private static bool Applies(Layer layer, Precision precision) => layer switch
    {
        NormLayer => precision.Name is "W8A8" or "FP32",
        AttentionLayer => precision.Name is "W8A8" or "FP16" or "FP32",
        _ => precision.Name is "W8A8" or "W4A8" or "FP16" or "FP32",
    };

    private static float[] Step(Sampler sampler)
    {
        SamplerDescription d = sampler.Description;
        var state = new float[d.Height * d.Width * d.Channels];
        using Execution run = sampler.Device.CreateExecution(sampler.Weights, d.BytesPerImage, d.Vectors, 1);
        run.Begin(DrawnImage.Consecutive(1, 7, 0, 1f), [4], default);
        sampler.RunBegin(run);
        sampler.RunStep(0, run);
        run.Read(d.Latent, state.Length, state);
        return state;
    }
}
