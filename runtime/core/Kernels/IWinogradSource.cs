using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Specializer.Kernels;

/// <summary>How a convolution's activations and weights lie in memory before Winograd's transformation makes words of them.</summary>
internal unsafe interface IWinogradSource
{
    /// <summary>Bytes of an activation.</summary>
    static abstract int ElementBytes { get; }

    /// <summary>Bytes of a packed block (docs/weights.md): 4 input channels by 16 outputs.</summary>
    static abstract int PackedBlockBytes { get; }

    /// <summary>A vector of channels of a pixel, from <paramref name="channel"/> on.</summary>
    static abstract TWords Load<TWords>(byte* pixel, int channel) where TWords : unmanaged, ILanes<TWords, short>;

    /// <summary>A packed block as <see cref="WordTile.Expand(byte*, short*)"/> orders it.</summary>
    static abstract void Expand(byte* packed, short* expanded);
}

/// <summary>8-bit weights: activations are 16 bits wide.</summary>
internal readonly unsafe struct WordSource : IWinogradSource
{
    public static int ElementBytes => sizeof(short);
    public static int PackedBlockBytes => WordTile.PackedBlockBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TWords Load<TWords>(byte* pixel, int channel) where TWords : unmanaged, ILanes<TWords, short> => TWords.Load((short*)pixel + channel);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Expand(byte* packed, short* expanded) => WordTile.Expand(packed, expanded);
}

/// <summary>4-bit weights: activations are bytes.</summary>
internal readonly unsafe struct NibbleSource : IWinogradSource
{
    public static int ElementBytes => sizeof(byte);
    public static int PackedBlockBytes => NibbleTile.PackedBlockBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TWords Load<TWords>(byte* pixel, int channel) where TWords : unmanaged, ILanes<TWords, short> => TWords.LoadBytes(pixel + channel);

    /// <summary>A 16-bit lane holds two channels of one output in its low nibbles and of another, eight outputs on, in its high ones; a pair of lanes four channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Expand(byte* packed, short* expanded)
    {
        Vector256<short> nibbles = Vector256.Load((short*)packed);
        Store((nibbles << 12) >> 12, (nibbles << 4) >> 12, expanded);
        Store((nibbles << 8) >> 12, nibbles >> 12, expanded + 16);
    }

    /// <summary>From channels 0 and 2, and 1 and 3, of eight outputs to 0 and 1, and 2 and 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<short> even, Vector256<short> odd, short* expanded)
    {
        Vector256<int> low = Vector256.Create(0xFFFF);
        (even.AsInt32() & low | odd.AsInt32() << 16).AsInt16().Store(expanded);
        (Vector256.AndNot(odd.AsInt32(), low) | even.AsInt32() >>> 16).AsInt16().Store(expanded + 32);
    }
}
