using System.Runtime.CompilerServices;
using Specializer.Numerics;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>A whole convolution in one of Winograd's forms, to be split over threads. An item is a block of patches by a range of panels:
/// the block's inputs are transformed once, a panel's weights once per block; then comes a matrix product for each position of a patch,
/// and per patch the way back and the usual finish.</summary>
internal unsafe struct WinogradWork<TForm, TTile> : IWork
    where TForm : struct, IWinogradForm
    where TTile : struct, ITileKernel
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    public ConvolutionOperands Operands;
    /// <summary>Blocks of input channels.</summary>
    public int Blocks;
    private ConvolutionGeometry _patches;
    private BlockPlan _plan;
    /// <summary>Per worker; see <see cref="Plan"/>.</summary>
    public byte* Scratch;
    public long ScratchStride;

    public readonly int Items => _plan.Items;

    private static int Outputs => TForm.Tile * TForm.Tile;
    /// <summary>Panels that are multiplied together.</summary>
    private static int Together => TTile.Pairs ? 2 : 1;

    private static int Positions => (TForm.Tile + 2) * (TForm.Tile + 2);

    /// <summary>Chooses blocks whose transformed inputs stay in a core's own cache, and sizes the scratch.</summary>
    public void Plan(int threads)
    {
        ref readonly ConvolutionGeometry g = ref Operands.Geometry;
        _patches = Winograd.Patches<TForm>(g);
        int patches = checked(Operands.Batch * _patches.OutputPixels);
        // The search for a patch's pixels takes about 0.2 of a tile's product each.
        _plan = BlockPlan.Choose(patches, g.Panels, TTile.Pixels, 66, TForm.WeightCost / Positions, TForm.InputCost / Positions + 0.2f / Blocks, threads);
        ScratchStride = WeightsAt + Together * (long)Positions * WeightDistance;
    }

    // Scratch of a worker: the block that it has prepared, panel constants, sums of a patch, where the results go, where the patches' pixels lie, where their transformed pixels lie;
    // [position][patch] transformed inputs, [panel][position][patch] products, [panel][position] transformed weights of those that are multiplied together.
    // A cache line between positions keeps them from meeting in the same set of the cache.
    private const int ConstantsAt = 64;
    private static int SumsAt => ConstantsAt + sizeof(PanelConstants);
    private static int OutputsAt => SumsAt + Outputs * PanelWidth * sizeof(int);
    private readonly int TapsAt => OutputsAt + Outputs * _plan.Block * sizeof(OutputPixel);
    private readonly int RowsAt => TapsAt + Positions * _plan.Block * sizeof(byte*);
    private readonly int InputsAt => RoundUp(RowsAt + Positions * _plan.Block * sizeof(byte*), 64);
    private readonly int InputBytes => Blocks * TForm.InputBlockBytes;
    private readonly int InputDistance => RoundUp(_plan.Block * InputBytes, 64) + 64;
    private readonly int ProductsAt => InputsAt + Positions * InputDistance;
    private readonly int ProductDistance => _plan.Block * PanelWidth * sizeof(int) + 64;
    private readonly int WeightsAt => ProductsAt + Together * Positions * ProductDistance;
    private readonly int WeightDistance => Blocks * TForm.WeightBlockBytes + 64;

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    public readonly void Execute(int begin, int end, int worker)
    {
        byte* scratch = Scratch + worker * ScratchStride;
        for (int item = begin; item < end; item++)
        {
            int first = item / _plan.Ranges * _plan.Block, count = Math.Min(_plan.Block, _plan.Total - first), panel = item % _plan.Ranges * _plan.Range;
            if (*(int*)scratch != first) TransformBlock(first, count, scratch);
            *(int*)scratch = first;
            for (int last = Math.Min(panel + _plan.Range, _plan.Panels); panel < last; panel += Together)
                MultiplyPanels(panel, Math.Min(Together, last - panel), count, scratch);
        }
    }

    private readonly void TransformBlock(int first, int count, byte* scratch)
    {
        byte** taps = (byte**)(scratch + TapsAt), rows = (byte**)(scratch + RowsAt);
        int block = _plan.Block, bytes = InputBytes, distance = InputDistance;
        ConvolutionTaps.Fill(Operands, _patches, first, count, block, taps);
        byte* inputs = scratch + InputsAt;
        for (int patch = 0; patch < count; patch++)
            TForm.TransformInput(taps + patch, block, Blocks, inputs + patch * bytes, distance);
        // A tile is always full: the last patch stands in for missing ones.
        for (int patch = 0; patch < block; patch++) rows[patch] = inputs + Math.Min(patch, count - 1) * bytes;
        for (int i = block; i < Positions * block; i++) rows[i] = rows[i - block] + distance;

        var outputs = (OutputPixel*)(scratch + OutputsAt);
        for (int patch = first; patch < first + count; patch++)
        {
            int image = patch / _patches.OutputPixels, y = patch % _patches.OutputPixels / _patches.OutputWidth * TForm.Tile, x = patch % _patches.OutputWidth * TForm.Tile;
            for (int row = y; row < y + TForm.Tile; row++, outputs += TForm.Tile)
            {
                // At a border part of the patch may lie outside and goes nowhere.
                int inside = row < Operands.Geometry.OutputHeight ? Math.Min(TForm.Tile, Operands.Geometry.OutputWidth - x) : 0;
                new Span<OutputPixel>(outputs, TForm.Tile)[inside..].Clear();
                Operands.Finish.Locate(image, row * Operands.Geometry.OutputWidth + x, inside, outputs);
            }
        }
    }

    /// <param name="first">The first panel.</param>
    /// <param name="panels">One, or two where the tile takes pairs.</param>
    /// <param name="count">Patches.</param>
    /// <param name="scratch">Of the worker.</param>
    [MethodImpl(Jit.Kernel)]
    private readonly void MultiplyPanels(int first, int panels, int count, byte* scratch)
    {
        byte* weights = scratch + WeightsAt, products = scratch + ProductsAt;
        int nextWeights = Positions * WeightDistance, nextProducts = Positions * ProductDistance;
        for (int i = 0; i < panels; i++)
            TForm.TransformWeights(Operands.Panels + (long)(first + i) * Operands.Geometry.Taps * Blocks * TForm.PackedBlockBytes, Blocks, weights + i * nextWeights, WeightDistance);

        byte** rows = (byte**)(scratch + RowsAt);
        int blocks = Blocks, block = _plan.Block, weightDistance = WeightDistance, productDistance = ProductDistance;
        for (int position = 0; position < Positions; position++, rows += block, weights += weightDistance, products += productDistance)
        {
            for (int patch = 0; patch < count; patch += TTile.Pixels)
            {
                byte* sums = products + patch * PanelWidth * sizeof(int);
                if (panels == 1) TTile.Multiply(rows + patch, 0, 1, blocks, default, weights, sums);
                else TTile.MultiplyTwo(rows + patch, blocks, weights, weights + nextWeights, sums, sums + nextProducts);
            }
        }

        for (int i = 0; i < panels; i++) FinishPanel(first + i, count, scratch + ProductsAt + i * nextProducts, scratch);
    }

    private readonly void FinishPanel(int panel, int count, byte* products, byte* scratch)
    {
        var constants = (PanelConstants*)(scratch + ConstantsAt);
        Operands.Finish.FillConstants(panel, constants);
        int productDistance = ProductDistance;
        var outputs = (OutputPixel*)(scratch + OutputsAt);
        for (int patch = 0; patch < count; patch++, outputs += Outputs)
        {
            if (patch + 2 < count) Operands.Finish.Fetch(outputs + 2 * Outputs, Outputs, panel);
            TForm.TransformOutput(products + patch * PanelWidth * sizeof(int), productDistance, scratch + SumsAt);
            Operands.Finish.Rows<TTile>(scratch + SumsAt, outputs, Outputs, panel, constants);
        }
    }
}
