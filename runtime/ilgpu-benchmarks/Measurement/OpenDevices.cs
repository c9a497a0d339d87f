using Specializer.Ilgpu;

namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>The device under measurement, opened once for each way to compute on it. A failure costs the kernels of one part: <see cref="Reopen"/>.</summary>
internal sealed class OpenDevices(Func<IlgpuDeviceOptions, IlgpuDevice> open, bool quick) : IDisposable
{
    private readonly Dictionary<IlgpuDeviceOptions, OpenDevice> _open = [];

    public OpenDevice this[bool half, bool graphs = false]
    {
        get
        {
            var options = new IlgpuDeviceOptions { HalfPrecision = half, StepGraphs = graphs };
            if (!_open.TryGetValue(options, out OpenDevice? device)) _open.Add(options, device = new(open(options), quick));
            return device;
        }
    }

    public IEnumerable<OpenDevice> Opened => _open.Values;

    /// <summary>The next use opens new ones. What a lost device cannot free is left to the driver.</summary>
    public void Reopen()
    {
        try
        {
            Dispose();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Console.Error.WriteLine($"The device could not be closed: {e.Message}");
        }
        finally
        {
            _open.Clear();
        }
    }

    public void Dispose()
    {
        foreach (OpenDevice device in _open.Values) device.Dispose();
        _open.Clear();
    }
}

/// <summary>A device with its limits and its clock.</summary>
internal sealed class OpenDevice : IDisposable
{
    public OpenDevice(IlgpuDevice device, bool quick)
    {
        Device = device;
        Limits = new(device, quick);
        Clock = new(device, Limits, quick ? 3 : 7);
    }

    public IlgpuDevice Device { get; }
    public CardLimits Limits { get; }
    public DeviceClock Clock { get; }

    public void Dispose()
    {
        Limits.Dispose();
        Device.Dispose();
    }
}
