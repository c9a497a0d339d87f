using System.Runtime.InteropServices;

namespace Specializer.Kernels.Tests;

/// <summary>A device with a session whose maps are planned one after the other.</summary>
internal sealed class Bench : IDisposable
{
    private readonly CpuDevice _device;
    private readonly PackedWeights _weights;
    private readonly DeviceWeights _uploaded;
    private long _next;

    /// <param name="weights">Blob; this object owns it.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="batch">Images; also the capacity.</param>
    /// <param name="vectors">Length of the step vectors, planned first.</param>
    /// <param name="arena">Bytes per image.</param>
    /// <param name="wide">Whether tiles of 512 bits multiply; by default where they pay.</param>
    public Bench(PackedWeights weights, int threads, int batch, int vectors = 1, long arena = 1 << 20, bool? wide = null)
    {
        _device = wide is { } chosen ? new CpuDevice(threads, chosen) : new CpuDevice(threads);
        _weights = weights;
        _uploaded = _device.Upload(weights);
        Vectors = Plan(4 * vectors);
        Run = _device.CreateExecution(_uploaded, arena, Vectors, batch);
        Run.Begin(batch, default, default);
    }

    public Execution Run { get; }
    public Activation Vectors { get; }

    public Activation Plan(long bytes)
    {
        var map = new Activation(_next);
        _next += (bytes + 63) / 64 * 64;
        return map;
    }

    /// <summary>Plans an FP32 map and fills it, image after image.</summary>
    public Activation Write(params float[][] images)
    {
        Activation map = Plan(4 * images[0].Length);
        Run.Write(map, images[0].Length, images.SelectMany(i => i).ToArray());
        return map;
    }

    /// <summary>Fills a map with the first state's noise.</summary>
    public void Draw(Activation map, MapShape shape) => Run.Solve(-1, [new SolverRegister(map, bothHalves: true).Draw(-1)], shape);

    public float[][] Read(Activation map, int elements)
    {
        var all = new float[elements * Run.Batch];
        Run.Read(map, elements, all);
        return all.Chunk(elements).ToArray();
    }

    /// <summary>Raw bytes of a map of whole 32-bit words.</summary>
    public byte[][] ReadBytes(Activation map, int bytes) =>
        Read(map, bytes / 4).Select(image => MemoryMarshal.AsBytes<float>(image).ToArray()).ToArray();

    public void Dispose()
    {
        Run.Dispose();
        _uploaded.Dispose();
        _device.Dispose();
        _weights.Dispose();
    }
}
