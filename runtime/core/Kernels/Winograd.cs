using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Specializer.Kernels;

/// <summary>Which form computes a convolution.</summary>
internal enum ConvolutionForm
{
    Direct,
    Winograd2,
    Winograd4,
}

/// <summary>What the forms of Winograd's convolution have in common, and the choice among them.</summary>
internal static unsafe class Winograd
{
    /// <summary>Words of a transformed block: 4 input channels by 16 outputs, as <see cref="WordTile.Expand(byte*, short*)"/> orders them.</summary>
    public const int BlockWords = 4 * ConvolutionGeometry.PanelWidth;

    /// <summary>The patches as the pixels of a convolution of as many taps as a patch has pixels, a tile apart.</summary>
    public static ConvolutionGeometry Patches<TForm>(in ConvolutionGeometry g)
        where TForm : struct, IWinogradForm
    {
        int rows = (g.OutputHeight + TForm.Tile - 1) / TForm.Tile, columns = (g.OutputWidth + TForm.Tile - 1) / TForm.Tile;
        return g with { KernelSize = TForm.Tile + 2, Stride = TForm.Tile, OutputHeight = rows, OutputWidth = columns };
    }

    /// <summary>A block's nine taps of a packed panel, each expanded to words.</summary>
    /// <param name="packed">[9 taps][blocks].</param>
    /// <param name="block">Which block.</param>
    /// <param name="blocks">Blocks of a tap.</param>
    /// <param name="taps">[9][4 channels · 16 outputs], ordered as <see cref="WordTile.Expand(byte*, short*)"/> does.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Expand<TSource>(byte* packed, int block, int blocks, short* taps)
        where TSource : struct, IWinogradSource
    {
        for (int tap = 0; tap < 9; tap++, taps += BlockWords)
            TSource.Expand(packed + ((long)tap * blocks + block) * TSource.PackedBlockBytes, taps);
    }

    /// <summary>The quickest exact form. It leaves no trace in the result.</summary>
    /// <param name="g">Shape.</param>
    /// <param name="batch">Images.</param>
    /// <param name="bits">4 or 8.</param>
    /// <param name="largest">Largest magnitude that a sum over the weights and activations can reach.</param>
    /// <param name="wide">Whether tiles of 512 bits multiply.</param>
    public static ConvolutionForm Choose(in ConvolutionGeometry g, int batch, int bits, long largest, bool wide)
    {
        if (g is not { KernelSize: 3, Stride: 1, InputChannels: >= 16 }) return ConvolutionForm.Direct;
        return wide ? Choose<WideWordTile>(g, batch, bits, largest, WideNibbleTile.Pixels) : Choose<WordTile>(g, batch, bits, largest, NibbleTile.Pixels);
    }

    private static ConvolutionForm Choose<TTile>(in ConvolutionGeometry g, int batch, int bits, long largest, int nibblePixels)
        where TTile : struct, ITileKernel
    {
        // Per panel and block, in times of a tile of words. One of as many pixels by bytes takes 0.54 of it, less than F(2×2) could gain.
        float direct = g.Taps * (bits == 4 ? Tiles(batch * g.OutputPixels, nibblePixels) * 0.54f * nibblePixels / TTile.Pixels : Tiles(batch * g.OutputPixels, TTile.Pixels));
        float two = bits == 4 ? direct : Cost<Winograd2<WordSource, Lanes256<short>, Lanes256<int>>, TTile>(g, batch, largest);
        if (Cost<Winograd4<WordSource, Lanes256<short>, Lanes256<int>>, TTile>(g, batch, largest) < Math.Min(direct, two)) return ConvolutionForm.Winograd4;
        return two < direct ? ConvolutionForm.Winograd2 : ConvolutionForm.Direct;
    }

    private static float Cost<TForm, TTile>(in ConvolutionGeometry g, int batch, long largest)
        where TForm : struct, IWinogradForm
        where TTile : struct, ITileKernel
    {
        if (largest << TForm.Shift > int.MaxValue) return float.PositiveInfinity;
        int patches = batch * Patches<TForm>(g).OutputPixels;
        return Tiles(patches, TTile.Pixels) * (TForm.Tile + 2) * (TForm.Tile + 2) + TForm.WeightCost + patches * (TForm.InputCost / g.Panels + TForm.OutputCost / g.ChannelGroups);
    }

    private static int Tiles(int columns, int pixels) => (columns + pixels - 1) / pixels;

    /// <summary>Largest sum of an output's positive weights, or of its negative ones' magnitudes: times the largest activation it bounds every sum.</summary>
    /// <param name="packed">Packed panels (docs/weights.md).</param>
    /// <param name="panels">Panels.</param>
    /// <param name="blocks">Blocks of a panel, taps included.</param>
    public static int LargestSum<TSource>(byte* packed, int panels, int blocks)
        where TSource : struct, IWinogradSource
    {
        short* words = stackalloc short[BlockWords];
        Vector256<int> largest = default;
        for (int panel = 0; panel < panels; panel++)
        {
            // Outputs 0–7, then 8–15, a lane each.
            Vector256<int> positiveA = default, positiveB = default, negativeA = default, negativeB = default;
            for (int block = 0; block < blocks; block++, packed += TSource.PackedBlockBytes)
            {
                TSource.Expand(packed, words);
                for (short* pair = words; pair < words + BlockWords; pair += 32)
                {
                    Vector256<short> a = Vector256.Load(pair), b = Vector256.Load(pair + 16);
                    positiveA += Positive(a);
                    positiveB += Positive(b);
                    negativeA += Positive(-a);
                    negativeB += Positive(-b);
                }
            }

            largest = Vector256.Max(largest, Vector256.Max(Vector256.Max(positiveA, positiveB), Vector256.Max(negativeA, negativeB)));
        }

        int most = 0;
        for (int lane = 0; lane < Vector256<int>.Count; lane++) most = Math.Max(most, largest[lane]);
        return most;
    }

    private static Vector256<int> Positive(Vector256<short> weights) => Dot.Adjacent(Vector256.Max(weights, Vector256<short>.Zero), Vector256<short>.One);
}
