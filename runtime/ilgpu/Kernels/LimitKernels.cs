using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct LimitArguments
{
    public int Repeats;
    /// <summary>An element a thread: without a result there would be no work.</summary>
    public ArrayView<int> Sink;
}

/// <summary>Matrix instructions on registers alone: the rate that benchmarks compare convolutions with.</summary>
internal static class LimitKernels
{
    /// <summary>Of a warp and a repetition, each with sums of its own.</summary>
    public const int Instructions = 16;
    private const int RowBytes = TensorTile.RowBytes;

    public static void Integers(LimitArguments a)
    {
        TensorCore.Declare(4, 4, 4 * 64 * RowBytes);
        for (int i = 0; i < a.Repeats; i++) TensorCore.MultiplyRegisters(4, 4, 8, Group.IdxX);
        Finish(a);
    }

    public static void Halves(LimitArguments a)
    {
        TensorCore.Declare(4, 4, 4 * 64 * RowBytes);
        for (int i = 0; i < a.Repeats; i++) TensorCore.MultiplyRegisters(4, 4, 16, Group.IdxX);
        Finish(a);
    }

    private static void Finish(LimitArguments a)
    {
        int lane = Group.IdxX % 32, sums = TensorCore.Shared() + Group.IdxX / 32 * 64 * RowBytes, total = 0;
        TensorCore.Store(4, 4, 8, 0, RowBytes, sums + lane / 4 * RowBytes + lane % 4 * 8);
        TensorCore.SynchronizeWarp();
        for (int row = 0; row < 64; row++) total += TensorCore.Load(sums + row * RowBytes + lane * 4);
        a.Sink[Grid.GlobalIndex.X] = total;
    }
}
