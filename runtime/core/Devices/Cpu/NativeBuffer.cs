using System.Runtime.InteropServices;

namespace Specializer;

/// <summary>Memory outside the garbage collector's heap, aligned to a cache line. Grows when asked, so that a steady state allocates nothing.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    /// <summary>Readable bytes behind the requested ones: vector loads may run past a map's last element.</summary>
    private const int Slack = 128;

    private const int Alignment = 64;

    private void* _memory;

    public byte* Pointer { get; private set; }

    /// <summary>Bytes that were asked for.</summary>
    public long Length { get; private set; }

    /// <summary>Makes room for <paramref name="length"/> bytes. Growing loses the content; new memory is zero.</summary>
    /// <exception cref="OutOfMemoryException">The system has no more.</exception>
    public byte* Reserve(long length)
    {
        if (length <= Length && Pointer != null) return Pointer;
        Release();
        // Fresh pages of the system are zero: those that nobody writes, such as the decoder's of a batch's second half, take no memory.
        _memory = NativeMemory.AllocZeroed(checked((nuint)length + Slack + Alignment));
        Pointer = (byte*)(((nuint)_memory + Alignment - 1) & ~(nuint)(Alignment - 1));
        Length = length;
        return Pointer;
    }

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    ~NativeBuffer() => Release();

    private void Release()
    {
        NativeMemory.Free(_memory);
        _memory = null;
        Pointer = null;
        Length = 0;
    }
}
