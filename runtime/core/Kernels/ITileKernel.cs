using System.Runtime.Intrinsics;

namespace Specializer.Kernels;

/// <summary>The inner product of a tile: a few output pixels by the 16 outputs of one panel, over all taps and input channels.</summary>
internal unsafe interface ITileKernel
{
    /// <summary>Output pixels of a tile.</summary>
    static abstract int Pixels { get; }

    /// <summary>Bytes that <see cref="Expand"/> writes for one packed block; 0 when panels are read in place.</summary>
    static abstract int ExpandedBlockBytes { get; }

    /// <summary>Packed bytes of one block (docs/weights.md): 4 input channels by 16 outputs, or 1 by 16 in FP32.</summary>
    static abstract int PackedBlockBytes { get; }

    /// <summary>Turns packed blocks into the operands of <see cref="Multiply"/>.</summary>
    static abstract void Expand(byte* packed, byte* expanded, int blocks);

    /// <summary>sums[i·16 + o] = Σ over taps and channels of pixel i's input times weight of output o.</summary>
    /// <param name="taps">taps[tap·stride + i] points to the input pixel.</param>
    /// <param name="stride">Entries from one tap to the next.</param>
    /// <param name="tapCount">Taps.</param>
    /// <param name="blocks">Blocks of input channels per tap.</param>
    /// <param name="runs">How long 16-bit sums last; ignored by kernels that have none.</param>
    /// <param name="panel">Expanded panel.</param>
    /// <param name="sums">Tile of 32-bit results.</param>
    static abstract void Multiply(byte** taps, int stride, int tapCount, int blocks, NarrowRuns runs, byte* panel, byte* sums);

    /// <summary>Whether there is <see cref="MultiplyTwo"/>.</summary>
    static virtual bool Pairs => false;

    /// <summary>Sums of one tap with two panels, for which each input is read once.</summary>
    /// <param name="rows">Pixels.</param>
    /// <param name="blocks">Blocks of input channels.</param>
    /// <param name="one">An expanded panel.</param>
    /// <param name="two">Another.</param>
    /// <param name="sums">Results of the one.</param>
    /// <param name="sumsOfTwo">Results of the other.</param>
    static virtual void MultiplyTwo(byte** rows, int blocks, byte* one, byte* two, byte* sums, byte* sumsOfTwo) => throw new NotSupportedException();

    /// <summary>The real value of eight results: (float)(sum − correction)·scale + bias for integers, sum + bias for FP32.</summary>
    static abstract Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane);

    /// <summary>Whether the tile has vectors of 512 bits, and <see cref="DequantizeAll"/>.</summary>
    static virtual bool IsWide => false;

    /// <summary><see cref="Dequantize"/> of sixteen results.</summary>
    static virtual Vector512<float> DequantizeAll(byte* sums, PanelConstants* constants) => throw new NotSupportedException();
}
