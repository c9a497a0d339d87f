using System.Runtime.CompilerServices;

namespace Specializer;

/// <summary>Something that runs samplers: the CPU here, GPUs in Specializer.Ilgpu. Dispose of it: its threads and its device's memory otherwise stay until the process ends.</summary>
public abstract class Device : IDisposable
{
    // Weak: a sampler that nobody disposed of is the collector's, however long its device lives.
    private readonly ConditionalWeakTable<Sampler, object> _samplers = [];
    private bool _disposed;

    // Derived from here and in Specializer.Ilgpu alone: the other members are internal.
    private protected Device()
    {
    }

    /// <summary>What a person would call it, for messages.</summary>
    public abstract string Name { get; }

    /// <summary>Makes packed weights usable on this device. Sessions share the result.</summary>
    /// <param name="weights">Verified packed weights; must outlive the result.</param>
    internal abstract DeviceWeights Upload(PackedWeights weights);

    /// <summary>Allocates a session's arena.</summary>
    /// <param name="weights">From <see cref="Upload"/> on this device.</param>
    /// <param name="arenaBytesPerImage">Planned size for one image; a multiple of 64.</param>
    /// <param name="vectors">The step vectors' buffer.</param>
    /// <param name="capacity">Largest batch, guidance halves counted.</param>
    internal abstract Execution CreateExecution(DeviceWeights weights, long arenaBytesPerImage, Activation vectors, int capacity);

    /// <summary>A sampler that begins to use this device.</summary>
    /// <exception cref="ObjectDisposedException">The device was disposed of.</exception>
    internal void Add(Sampler sampler)
    {
        lock (_samplers)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _samplers.Add(sampler, this);
        }
    }

    /// <summary>A sampler that was disposed of needs no disposing with the device.</summary>
    internal void Remove(Sampler sampler)
    {
        lock (_samplers) _samplers.Remove(sampler);
    }

    /// <summary>Disposes of its samplers, whose running calls end within their current operation, with <see cref="ObjectDisposedException"/>, and then frees threads and memory.</summary>
    public void Dispose()
    {
        Sampler[] samplers;
        lock (_samplers)
        {
            if (_disposed) return;
            _disposed = true;
            samplers = [.. _samplers.Select(pair => pair.Key)];
        }

        foreach (Sampler sampler in samplers) sampler.Dispose();
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases threads and device memory.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>Weights as one device holds them.</summary>
internal abstract class DeviceWeights : IDisposable
{
    public abstract void Dispose();
}
