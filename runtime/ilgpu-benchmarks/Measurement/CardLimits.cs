using ILGPU;
using ILGPU.Runtime;
using Specializer.Ilgpu;
using Specializer.Ilgpu.Kernels;

namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>What the card reaches with nothing else to do, measured in the same run: matrix instructions on registers alone, and a copy of memory.</summary>
internal sealed class CardLimits : IDisposable
{
    /// <summary>Enough warps to keep four matrix units a multiprocessor busy.</summary>
    private const int GroupsPerMultiprocessor = 4;

    private readonly IlgpuDevice _device;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _sink;
    private readonly double _msPerRepeat;

    public CardLimits(IlgpuDevice device, bool quick)
    {
        _device = device;
        device.Accelerator.Bind();
        _sink = device.Accelerator.Allocate1D<int>(Groups * TensorConvolution.Threads);
        using AcceleratorStream stream = device.Accelerator.CreateStream();
        if (device.HasTensorCores)
        {
            (Int8, _msPerRepeat) = Rate(stream, LimitKernels.Integers, 32);
            (Half, _) = Rate(stream, LimitKernels.Halves, 16);
        }

        Bandwidth = Copy(stream, quick ? 1 << 22 : 1 << 28);
    }

    /// <summary>Multiply-adds count twice; operations a second, null where there are no matrix instructions.</summary>
    public double? Int8 { get; }

    public double? Half { get; }

    /// <summary>Bytes a second, read and written ones both counted.</summary>
    public double Bandwidth { get; }

    /// <summary>Keeps the device busy for a while, as far as it has matrix units to be busy with.</summary>
    public void Delay(AcceleratorStream stream, double milliseconds)
    {
        if (_msPerRepeat > 0) Launch(stream, LimitKernels.Integers, (int)Math.Min(1 << 24, milliseconds / _msPerRepeat + 1));
    }

    public void Dispose() => _sink.Dispose();

    private int Groups => _device.Accelerator.NumMultiprocessors * GroupsPerMultiprocessor;

    private (double Rate, double MsPerRepeat) Rate(AcceleratorStream stream, Action<LimitArguments> kernel, int depth)
    {
        const int repeats = 1 << 14;
        Launch(stream, kernel, repeats);
        stream.Synchronize();
        double best = double.PositiveInfinity;
        for (int turn = 0; turn < 5; turn++)
        {
            using ProfilingMarker begin = stream.AddProfilingMarker();
            Launch(stream, kernel, repeats);
            using ProfilingMarker end = stream.AddProfilingMarker();
            end.Synchronize();
            best = Math.Min(best, end.MeasureFrom(begin).TotalSeconds);
        }

        double warps = (double)Groups * TensorConvolution.Threads / 32;
        return (2.0 * 16 * 8 * depth * LimitKernels.Instructions * repeats * warps / best, best * 1e3 / repeats);
    }

    private void Launch(AcceleratorStream stream, Action<LimitArguments> kernel, int repeats) => _device.Kernels.Launch(kernel, stream,
        new(Groups, TensorConvolution.Threads), new LimitArguments { Repeats = repeats, Sink = _sink.View });

    private double Copy(AcceleratorStream stream, long bytes)
    {
        using MemoryBuffer1D<byte, Stride1D.Dense> from = _device.Accelerator.Allocate1D<byte>(bytes), to = _device.Accelerator.Allocate1D<byte>(bytes);
        double best = double.PositiveInfinity;
        for (int turn = 0; turn < 5; turn++)
        {
            using ProfilingMarker begin = stream.AddProfilingMarker();
            from.View.BaseView.CopyTo(stream, to.View.BaseView);
            using ProfilingMarker end = stream.AddProfilingMarker();
            end.Synchronize();
            best = Math.Min(best, end.MeasureFrom(begin).TotalSeconds);
        }

        return 2.0 * bytes / best;
    }
}
