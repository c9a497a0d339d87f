using ILGPU;
using ILGPU.Runtime;

namespace Specializer.Ilgpu;

/// <summary>Memory that is not there: views of it have sizes and offsets, so that a session can find out what it needs before it allocates anything.</summary>
internal sealed class PlannedMemory : MemoryBuffer
{
    public PlannedMemory(Accelerator accelerator)
        : base(accelerator, long.MaxValue / 2, sizeof(byte))
    {
    }

    public ArrayView<byte> View(long bytes) => new(this, 0, bytes);

    protected override void MemSet(AcceleratorStream stream, byte value, in ArrayView<byte> targetView) => throw NotThere();

    protected override void CopyTo(AcceleratorStream stream, in ArrayView<byte> sourceView, in ArrayView<byte> targetView) => throw NotThere();

    protected override void CopyFrom(AcceleratorStream stream, in ArrayView<byte> sourceView, in ArrayView<byte> targetView) => throw NotThere();

    protected override void DisposeAcceleratorObject(bool disposing)
    {
    }

    private static InvalidOperationException NotThere() => new("Planned memory can be neither read nor written.");
}
