using System.Runtime.Intrinsics.X86;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>A whole convolution, to be split over threads. An item is a block of output pixels by a range of panels: the block's taps
/// are found once, a panel is expanded once per block, then tile after tile is multiplied and finished while it is in the cache.</summary>
internal unsafe struct ConvolutionWork<TKernel> : IWork
    where TKernel : struct, ITileKernel
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;
    /// <summary>Bytes of weights from which on they are fetched ahead.</summary>
    private const int LeastFetched = 1 << 18;

    public ConvolutionOperands Operands;
    /// <summary>Blocks of input channels per tap.</summary>
    public int Blocks;
    public NarrowRuns Runs;
    private BlockPlan _plan;
    /// <summary>Per worker; see <see cref="Plan"/>.</summary>
    public byte* Scratch;
    public long ScratchStride;

    public readonly int Items => _plan.Items;

    /// <summary>Chooses blocks and sizes the scratch.</summary>
    public void Plan(int threads)
    {
        // Where each pixel reads itself alone, rows mean nothing: the map is one row.
        ref ConvolutionGeometry g = ref Operands.Geometry;
        if (g is { Taps: 1, Stride: 1, Upsample: 1, PaddingTop: 0, PaddingLeft: 0 } && g.InputWidth == g.OutputWidth && g.InputHeight == g.OutputHeight)
            g = g with { InputHeight = 1, SeenHeight = 1, OutputHeight = 1, InputWidth = g.OutputPixels, SeenWidth = g.OutputPixels, OutputWidth = g.OutputPixels };

        // A tile takes about 36 instructions per block and tap, its operands' expansion 12, finding a tap of a pixel 6.
        int pixels = checked(Operands.Batch * Operands.Geometry.OutputPixels);
        _plan = BlockPlan.Choose(pixels, Operands.Geometry.Panels, TKernel.Pixels, 96, TKernel.ExpandedBlockBytes == 0 ? 0f : 12 / 36f, 6 / 36f / Blocks, threads);
        ScratchStride = ExpandedAt + (long)Operands.Geometry.Taps * Blocks * TKernel.ExpandedBlockBytes;
        ScratchStride = (ScratchStride + 63) & ~63L;
    }

    // Scratch of a worker: the block that it has prepared, panel constants, sums of a tile, where the results go, where the taps lie, the expanded panel.
    private const int ConstantsAt = 64;
    private static int SumsAt => ConstantsAt + sizeof(PanelConstants);
    private static int OutputsAt => SumsAt + TKernel.Pixels * PanelWidth * sizeof(float);
    private readonly int TapsAt => OutputsAt + _plan.Block * sizeof(OutputPixel);
    private readonly int ExpandedAt => RoundUp(TapsAt + Operands.Geometry.Taps * _plan.Block * sizeof(byte*), 64);

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    public readonly void Execute(int begin, int end, int worker)
    {
        byte* scratch = Scratch + worker * ScratchStride;
        for (int item = begin; item < end; item++)
        {
            int first = item / _plan.Ranges * _plan.Block, count = Math.Min(_plan.Block, _plan.Total - first), panel = item % _plan.Ranges * _plan.Range;
            if (*(int*)scratch != first) FindPixels(first, count, scratch);
            *(int*)scratch = first;
            for (int last = Math.Min(panel + _plan.Range, _plan.Panels); panel < last; panel++)
                MultiplyPanel(panel, count, scratch);
        }
    }

    private readonly void FindPixels(int first, int count, byte* scratch)
    {
        ConvolutionTaps.Fill(Operands, Operands.Geometry, first, count, _plan.Block, (byte**)(scratch + TapsAt));
        var outputs = (OutputPixel*)(scratch + OutputsAt);
        int pixels = Operands.Geometry.OutputPixels, image = first / pixels, pixel = first % pixels;
        for (int run; count > 0; count -= run, outputs += run, image++, pixel = 0)
        {
            run = Math.Min(count, pixels - pixel);
            Operands.Finish.Locate(image, pixel, run, outputs);
        }
    }

    private readonly void MultiplyPanel(int panel, int count, byte* scratch)
    {
        var constants = (PanelConstants*)(scratch + ConstantsAt);
        Operands.Finish.FillConstants(panel, constants);
        int taps = Operands.Geometry.Taps;
        int panelBytes = taps * Blocks * TKernel.PackedBlockBytes;
        byte* operand = Operands.Panels + (long)panel * panelBytes, next = operand + panelBytes, afterNext = FetchesAhead(panel, panelBytes) ? next + panelBytes : next;
        int slice = RoundUp(panelBytes / ((count + TKernel.Pixels - 1) / TKernel.Pixels), 64);
        if (TKernel.ExpandedBlockBytes != 0)
        {
            byte* expanded = scratch + ExpandedAt;
            TKernel.Expand(operand, expanded, taps * Blocks);
            operand = expanded;
        }

        var inputs = (byte**)(scratch + TapsAt);
        var outputs = (OutputPixel*)(scratch + OutputsAt);
        for (int pixel = 0; pixel < count; pixel += TKernel.Pixels)
        {
            for (byte* end = next + Math.Min(slice, afterNext - next); next < end; next += 64) Sse.Prefetch1(next);
            int some = Math.Min(TKernel.Pixels, count - pixel);
            Operands.Finish.Fetch(outputs + pixel, some, panel);
            TKernel.Multiply(inputs + pixel, _plan.Block, taps, Blocks, Runs, operand, scratch + SumsAt);
            Operands.Finish.Rows<TKernel>(scratch + SumsAt, outputs + pixel, some, panel, constants);
        }
    }

    /// <summary>Whether the next panel's weights are fetched while this one's are multiplied: where they come from memory at every step, for the caches hold no such layer until the next.</summary>
    private readonly bool FetchesAhead(int panel, int panelBytes) => Sse.IsSupported && (long)panelBytes * _plan.Panels >= LeastFetched && panel + 1 < _plan.Panels;
}
