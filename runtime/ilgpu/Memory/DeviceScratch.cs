using ILGPU;
using ILGPU.Runtime;

namespace Specializer.Ilgpu;

/// <summary>Device memory that an operation needs while it runs. Grows to the largest wish, which is known when the session is prepared.</summary>
/// <param name="device">Where.</param>
/// <param name="stream">Where launches that use it are queued.</param>
/// <param name="flush">Queues those that wait.</param>
internal sealed class DeviceScratch(IlgpuDevice device, AcceleratorStream stream, Action flush) : IDisposable
{
    private MemoryBuffer1D<byte, Stride1D.Dense>? _buffer;

    public long Bytes => _buffer?.Length ?? 0;

    /// <summary>The largest wish so far, planned ones included.</summary>
    public long Wanted { get; private set; }

    /// <summary>A wish that will come.</summary>
    public void Expect(long bytes) => Wanted = Math.Max(Wanted, bytes);

    public ArrayView<byte> Reserve(long bytes)
    {
        Expect(bytes);
        if (_buffer != null && bytes <= _buffer.Length) return _buffer.View.BaseView.SubView(0, bytes);
        if (_buffer != null)
        {
            flush();
            try
            {
                stream.Synchronize();
            }
            catch (AcceleratorException e)
            {
                throw KernelCache.Lost(device.Accelerator, e);
            }

            IlgpuDevice.Release(_buffer);
            _buffer = null;
        }

        // What was planned is allocated at once.
        _buffer = device.Allocate(Wanted, "An operation's working memory");
        return _buffer.View.BaseView.SubView(0, bytes);
    }

    public void Dispose() => _buffer?.Dispose();
}
