using System.Runtime.CompilerServices;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>A whole 8-bit convolution by <see cref="Winograd"/>, to be split over threads. An item is a block of patches by a range of panels:
/// the block's inputs are transformed once, a panel's weights once per block; then come 16 matrix products, one per position,
/// and per patch the way back and the usual finish.</summary>
internal unsafe struct WinogradWork : IWork
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    public ConvolutionOperands Operands;
    private ConvolutionGeometry _patches;
    private BlockPlan _plan;
    /// <summary>Per worker; see <see cref="Plan"/>.</summary>
    public byte* Scratch;
    public long ScratchStride;

    private readonly int Blocks => Operands.Geometry.ChannelGroups;
    public readonly int Items => _plan.Items;

    /// <summary>Chooses blocks whose transformed inputs stay in a core's own cache, and sizes the scratch.</summary>
    public void Plan(int threads)
    {
        ref readonly ConvolutionGeometry g = ref Operands.Geometry;
        _patches = Winograd.Patches(g);
        // A tile takes about 1120 instructions per block, its weights' transformation 384, a patch's 16 and the search for its pixels 100 in all.
        int patches = checked(Operands.Batch * _patches.OutputPixels);
        _plan = BlockPlan.Choose(patches, g.Panels, WordTile.Pixels, 66, 384 / 1120f, (16 + 100f / Blocks) / 1120, threads);
        ScratchStride = WeightsAt + (long)Winograd.Positions * WeightDistance;
    }

    // Scratch of a worker: panel constants, sums of a patch, where the results go, where the patches' pixels lie, where their transformed pixels lie;
    // [position][patch] transformed inputs, [position][patch] products, [position] transformed weights. A cache line between positions
    // keeps them from meeting in the same set of the cache.
    private static int SumsAt => sizeof(PanelConstants);
    private static int OutputsAt => SumsAt + 4 * PanelWidth * sizeof(int);
    private readonly int TapsAt => OutputsAt + 4 * _plan.Block * sizeof(OutputPixel);
    private readonly int RowsAt => TapsAt + Winograd.Positions * _plan.Block * sizeof(byte*);
    private readonly int InputsAt => RoundUp(RowsAt + Winograd.Positions * _plan.Block * sizeof(byte*), 64);
    private readonly int InputDistance => RoundUp(_plan.Block * Operands.InputPixelBytes, 64) + 64;
    private readonly int ProductsAt => InputsAt + Winograd.Positions * InputDistance;
    private readonly int ProductDistance => _plan.Block * PanelWidth * sizeof(int) + 64;
    private readonly int WeightsAt => ProductsAt + Winograd.Positions * ProductDistance;

    private readonly int WeightDistance => Blocks * Winograd.BlockWords * sizeof(short) + 64;

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    public readonly void Execute(int begin, int end, int worker)
    {
        byte* scratch = Scratch + worker * ScratchStride;
        for (int item = begin; item < end; item++)
        {
            int first = item / _plan.Ranges * _plan.Block, count = Math.Min(_plan.Block, _plan.Total - first), panel = item % _plan.Ranges * _plan.Range;
            if (panel == 0 || item == begin) TransformBlock(first, count, scratch);
            for (int last = Math.Min(panel + _plan.Range, _plan.Panels); panel < last; panel++)
                MultiplyPanel(panel, count, scratch);
        }
    }

    private readonly void TransformBlock(int first, int count, byte* scratch)
    {
        byte** taps = (byte**)(scratch + TapsAt), rows = (byte**)(scratch + RowsAt);
        ConvolutionTaps.Fill(Operands, _patches, first, count, _plan.Block, taps);
        for (int patch = 0; patch < _plan.Block; patch++)
        {
            // A tile is always full: the last patch stands in for missing ones.
            byte* inputs = scratch + InputsAt + Math.Min(patch, count - 1) * Operands.InputPixelBytes;
            if (patch < count) Winograd.TransformInput(taps + patch, _plan.Block, Operands.InputPixelBytes / sizeof(short), (short*)inputs, InputDistance / sizeof(short));
            for (int position = 0; position < Winograd.Positions; position++) rows[position * _plan.Block + patch] = inputs + position * InputDistance;
        }

        var outputs = (OutputPixel*)(scratch + OutputsAt);
        for (int patch = first; patch < first + count; patch++)
        {
            int image = patch / _patches.OutputPixels, y = patch % _patches.OutputPixels / _patches.OutputWidth * Winograd.Tile, x = patch % _patches.OutputWidth * Winograd.Tile;
            for (int row = y; row < y + Winograd.Tile; row++, outputs += Winograd.Tile)
            {
                // At an odd border part of the patch lies outside and goes nowhere.
                int inside = row < Operands.Geometry.OutputHeight ? Math.Min(Winograd.Tile, Operands.Geometry.OutputWidth - x) : 0;
                new Span<OutputPixel>(outputs, Winograd.Tile)[inside..].Clear();
                Operands.Finish.Locate(image, row * Operands.Geometry.OutputWidth + x, inside, outputs);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void MultiplyPanel(int panel, int count, byte* scratch)
    {
        var constants = (PanelConstants*)scratch;
        Operands.Finish.FillConstants(panel, constants);
        var weights = (short*)(scratch + WeightsAt);
        Winograd.TransformWeights(Operands.Panels + (long)panel * Operands.Geometry.Taps * Blocks * WordTile.PackedBlockBytes, Blocks, weights, WeightDistance / sizeof(short));

        byte** rows = (byte**)(scratch + RowsAt);
        for (int position = 0; position < Winograd.Positions; position++, rows += _plan.Block, weights += WeightDistance / sizeof(short))
        {
            byte* products = scratch + ProductsAt + position * ProductDistance;
            for (int patch = 0; patch < count; patch += WordTile.Pixels)
                WordTile.Multiply(rows + patch, 0, 1, Blocks, default, (byte*)weights, products + patch * PanelWidth * sizeof(int));
        }

        var outputs = (OutputPixel*)(scratch + OutputsAt);
        for (int patch = 0; patch < count; patch++)
        {
            Winograd.TransformOutput((int*)(scratch + ProductsAt) + patch * PanelWidth, ProductDistance / sizeof(int), (int*)(scratch + SumsAt));
            Operands.Finish.Rows<WordTile>(scratch + SumsAt, outputs + 4 * patch, 4, panel, constants);
        }
    }
}
