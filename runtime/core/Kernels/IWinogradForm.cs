namespace Specializer.Kernels;

/// <summary>A form F(m×m, 3×3) of Winograd's minimal filtering: m×m outputs of a 3×3 convolution from (m+2)² products
/// (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).</summary>
/// <remarks>
/// Y = Aᵀ[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]A for a patch d of (m+2)² pixels and a kernel g.
/// In integers it is exact. G holds fractions: their denominators are left out of the weights and multiplied into Aᵀ, so
/// every step is a sum of integers, and the result a known multiple of the true sum. Transformed inputs and weights fit the 16-bit operands of <see cref="WordTile"/>;
/// everything after the products is additions and multiplications modulo 2³². An odd factor of the multiple is divided by through its inverse modulo 2³², the power
/// of two by a shift, which is exact when 2^<see cref="Shift"/> times the true sum fits 32 bits.
/// In FP32 docs/arithmetic.md fixes the order of the additions.
/// </remarks>
internal unsafe interface IWinogradForm
{
    /// <summary>Rows and columns of outputs that one patch gives, m.</summary>
    static abstract int Tile { get; }

    /// <summary>Largest power of two by which a true sum is multiplied on the way; 0 in FP32.</summary>
    static abstract int Shift { get; }

    /// <summary>Measured time to transform a panel's weights, in products of a tile, each per block of input channels.</summary>
    static abstract float WeightCost { get; }

    /// <summary>The same of a patch's inputs.</summary>
    static abstract float InputCost { get; }

    /// <summary>The same of a patch's products for one panel, beyond what finishing as many sums takes; not per block.</summary>
    static abstract float OutputCost { get; }

    /// <summary>Bytes of a packed block of weights (docs/weights.md).</summary>
    static abstract int PackedBlockBytes { get; }

    /// <summary>Bytes of a transformed block of weights.</summary>
    static abstract int WeightBlockBytes { get; }

    /// <summary>Bytes of a block's transformed inputs.</summary>
    static abstract int InputBlockBytes { get; }

    /// <summary>Bᵀ·d·B of one patch.</summary>
    /// <param name="patch">patch[i·stride]: pixel i of the patch.</param>
    /// <param name="stride">Entries from one pixel of the patch to the next.</param>
    /// <param name="blocks">Blocks of input channels, 16 channels at least.</param>
    /// <param name="result">Position i's channels begin at result + i·distance.</param>
    /// <param name="distance">Bytes from one position to the next.</param>
    static abstract void TransformInput(byte** patch, int stride, int blocks, byte* result, nint distance);

    /// <summary>G·g·Gᵀ of one panel.</summary>
    /// <param name="packed">[9 taps][blocks], as packed.</param>
    /// <param name="blocks">Blocks.</param>
    /// <param name="result">Position i's blocks, as the tile multiplies them, begin at result + i·distance.</param>
    /// <param name="distance">Bytes from one position to the next.</param>
    static abstract void TransformWeights(byte* packed, int blocks, byte* result, nint distance);

    /// <summary>Aᵀ·p·A of one patch's products, divided by what the form multiplies by.</summary>
    /// <param name="products">Position i's 16 sums of 32 bits begin at products + i·distance.</param>
    /// <param name="distance">Bytes from one position to the next.</param>
    /// <param name="sums">[m·m outputs][16].</param>
    static abstract void TransformOutput(byte* products, nint distance, byte* sums);
}
