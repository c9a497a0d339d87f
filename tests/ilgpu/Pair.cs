using System.Runtime.InteropServices;

namespace Specializer.Ilgpu.Tests;

/// <summary>The same session on the CPU device and on another, for comparing operation by operation.</summary>
internal sealed class Pair : IDisposable
{
    private readonly PackedWeights _weights;
    private readonly Device[] _devices;
    private readonly DeviceWeights[] _uploaded;
    private int _next;

    /// <param name="kind">The other device.</param>
    /// <param name="weights">Blob; this object owns it.</param>
    /// <param name="batch">Images; also the capacity.</param>
    /// <param name="vectors">Length of the step vectors, planned first.</param>
    /// <param name="labels">One for each image, or none.</param>
    /// <param name="arena">Bytes per image.</param>
    /// <param name="half">Half precision on the other device.</param>
    public Pair(Accelerator kind, PackedWeights weights, int batch, int vectors = 1, int[]? labels = null, int arena = 1 << 20, bool half = false)
        : this(Accelerators.Open(kind, half), weights, batch, vectors, labels, arena) => Exact = kind != Accelerator.OpenCL;

    /// <summary>With another device, which this object owns.</summary>
    public Pair(Device other, PackedWeights weights, int batch, int vectors = 1, int[]? labels = null, int arena = 1 << 20)
    {
        _weights = weights;
        _devices = [new CpuDevice(1), other];
        _uploaded = [.. _devices.Select(d => d.Upload(weights))];
        Vectors = Plan(4 * vectors);
        Runs = [.. _devices.Zip(_uploaded, (d, w) => d.CreateExecution(w, arena, Vectors, batch))];
        foreach (Execution run in Runs) run.Begin(batch, labels, default);
    }

    public Execution[] Runs { get; }
    public Execution Other => Runs[1];
    public Activation Vectors { get; }

    /// <summary>OpenCL fixes no rounding of division and may fuse products into sums; everywhere else the bits must be the same.</summary>
    public bool Exact { get; } = true;

    public Activation Plan(int bytes)
    {
        var map = new Activation(_next);
        _next += (bytes + 63) / 64 * 64;
        return map;
    }

    public Activation Write(params float[][] images)
    {
        Activation map = Plan(4 * images[0].Length);
        foreach (Execution run in Runs) run.Write(map, images[0].Length, images.SelectMany(i => i).ToArray());
        return map;
    }

    /// <summary>Runs one operation on both devices.</summary>
    public void Do(Action<Execution> operation)
    {
        foreach (Execution run in Runs) operation(run);
    }

    /// <summary>Compares an FP32 map, element by element.</summary>
    public void Same(Activation map, int elements, bool exact)
    {
        float[] expected = Read(Runs[0], map, elements), actual = Read(Runs[1], map, elements);
        float largest = expected.Max(MathF.Abs);
        for (int i = 0; i < expected.Length; i++)
        {
            bool same = exact ? BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i])
                : MathF.Abs(expected[i] - actual[i]) <= 1e-5f * largest;
            Assert.True(same, $"Element {i} is {actual[i]:R}, expected {expected[i]:R}.");
        }
    }

    public void Same(Activation map, int elements) => Same(map, elements, Exact);

    /// <summary>Compares a quantized map: the CPU stores elements of one or two bytes, the other device always one.</summary>
    public void SameQuantized(Activation map, int pixels, int channels, int elementSize)
    {
        int padded = (channels + 3) & ~3, elements = pixels * padded;
        byte[] stored = Bytes(Runs[0], map, elements * elementSize);
        byte[] expected = elementSize == 1 ? stored : [.. MemoryMarshal.Cast<byte, short>(stored).ToArray().Select(e => checked((byte)e))];
        byte[] actual = Bytes(Runs[1], map, elements);
        for (int i = 0; i < elements; i++)
            Assert.True(Math.Abs(expected[i % elements] - actual[i]) <= (Exact ? 0 : 1), $"Quantized element {i} is {actual[i]}, expected {expected[i]}.");
    }

    /// <summary>A map of all images on the CPU (0) or the other device (1).</summary>
    public float[] Read(int device, Activation map, int elements) => Read(Runs[device], map, elements);

    private static float[] Read(Execution run, Activation map, int elements)
    {
        var all = new float[elements * run.Batch];
        run.Read(map, elements, all);
        return all;
    }

    /// <summary>The last image's bytes.</summary>
    private byte[] Bytes(Execution run, Activation map, int bytes) =>
        MemoryMarshal.AsBytes<float>(Read(run, map, bytes / 4)).ToArray()[^bytes..];

    public void Dispose()
    {
        foreach (Execution run in Runs) run.Dispose();
        foreach (DeviceWeights uploaded in _uploaded) uploaded.Dispose();
        foreach (Device device in _devices) device.Dispose();
        _weights.Dispose();
    }
}
