using ILGPU;
using ILGPU.Runtime;

namespace Specializer.Ilgpu;

/// <summary>Device memory that an operation needs while it runs. Grows to the largest wish, which is known when the session is prepared.</summary>
internal sealed class DeviceScratch(IlgpuDevice device, AcceleratorStream stream) : IDisposable
{
    private MemoryBuffer1D<byte, Stride1D.Dense>? _buffer;

    public long Bytes => _buffer?.Length ?? 0;

    public ArrayView<byte> Reserve(long bytes)
    {
        if (_buffer != null && bytes <= _buffer.Length) return _buffer.View.BaseView;
        if (_buffer != null)
        {
            stream.Synchronize();
            _buffer.Dispose();
            _buffer = null;
        }

        _buffer = device.Allocate(bytes, "An operation's working memory");
        return _buffer.View.BaseView;
    }

    public void Dispose() => _buffer?.Dispose();
}
