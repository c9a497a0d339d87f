using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>A whole convolution, to be split over threads. An item is a block of output pixels by a range of panels: the block's taps
/// are found once, a panel is expanded once per block, then tile after tile is multiplied and finished while it is in the cache.</summary>
internal unsafe struct ConvolutionWork<TKernel> : IWork
    where TKernel : struct, ITileKernel
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    public ConvolutionGeometry Geometry;
    /// <summary>Input map, bytes from image to image and from pixel to pixel.</summary>
    public byte* Input;
    public long InputStride;
    public int InputPixelBytes;
    /// <summary>One pixel that stands for zero.</summary>
    public byte* Padding;
    /// <summary>Blocks of input channels per tap, and how many the narrow accumulator takes.</summary>
    public int Blocks;
    public int Depth;
    /// <summary>Packed panels, and their constants per output channel.</summary>
    public byte* Panels;
    public float* WeightScales;
    public float* Bias;
    public int* WeightSums;
    public float InputScale;
    public int ZeroPoint;
    /// <summary>Result, and bytes from image to image.</summary>
    public byte* Output;
    public long OutputStride;
    /// <summary>Bytes from an output element to the residual's.</summary>
    public long ResidualDistance;
    public bool HasResidual;
    /// <summary>First of the values that image 0 adds per channel, or null, and bytes from image to image.</summary>
    public byte* Vector;
    public long VectorStride;
    /// <summary>Mean correction: factor, and offset per channel or null.</summary>
    public bool HasCorrection;
    public float Gain;
    public float* Offset;
    /// <summary>All images' output pixels, the pixels of a block and the panels of a range.</summary>
    public int TotalPixels;
    public int BlockPixels;
    public int BlockPanels;
    /// <summary>Per worker; see <see cref="Plan"/>.</summary>
    public byte* Scratch;
    public long ScratchStride;

    public readonly int PixelBlocks => (TotalPixels + BlockPixels - 1) / BlockPixels;
    public readonly int PanelRanges => (Geometry.Panels + BlockPanels - 1) / BlockPanels;
    public readonly int Items => PixelBlocks * PanelRanges;

    /// <summary>Chooses blocks large enough to repay expanding a panel and small enough to keep all threads busy, and sizes the scratch.</summary>
    public void Plan(int batch, int threads)
    {
        const int most = 96, least = 24;
        TotalPixels = checked(batch * Geometry.OutputPixels);
        int wanted = threads == 1 ? 1 : 4 * threads;
        int pixels = Math.Clamp((TotalPixels + wanted - 1) / wanted, least, most);
        BlockPixels = RoundUp(pixels, TKernel.Pixels);
        int ranges = Math.Clamp(wanted / PixelBlocks, 1, Geometry.Panels);
        BlockPanels = (Geometry.Panels + ranges - 1) / ranges;
        ScratchStride = ExpandedAt + (long)Geometry.Taps * Blocks * TKernel.ExpandedBlockBytes;
        ScratchStride = (ScratchStride + 63) & ~63L;
    }

    // Scratch of a worker: panel constants, sums of a tile, two rows for narrow panels, pointers, expanded panel.
    private const int SumsAt = 4 * 4 * PanelWidth;
    private readonly int RowsAt => SumsAt + TKernel.Pixels * PanelWidth * 4;
    private readonly int OutputsAt => RowsAt + 2 * 4 * PanelWidth;
    private readonly int VectorsAt => OutputsAt + BlockPixels * sizeof(byte*);
    private readonly int TapsAt => VectorsAt + BlockPixels * sizeof(byte*);
    private readonly int ExpandedAt => RoundUp(TapsAt + Geometry.Taps * BlockPixels * sizeof(byte*), 64);

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    public readonly void Execute(int begin, int end, int worker)
    {
        byte* scratch = Scratch + worker * ScratchStride;
        for (int item = begin; item < end; item++)
        {
            int block = item / PanelRanges, range = item % PanelRanges, first = block * BlockPixels;
            int count = Math.Min(BlockPixels, TotalPixels - first);
            if (range == 0 || item == begin) FindPixels(first, count, scratch);
            for (int panel = range * BlockPanels; panel < Math.Min((range + 1) * BlockPanels, Geometry.Panels); panel++)
                MultiplyPanel(panel, count, scratch);
        }
    }

    private readonly void FindPixels(int first, int count, byte* scratch)
    {
        ConvolutionTaps.Fill(Geometry, Input, InputStride, InputPixelBytes, Padding, first, count, BlockPixels, (byte**)(scratch + TapsAt));
        byte** outputs = (byte**)(scratch + OutputsAt), vectors = (byte**)(scratch + VectorsAt);
        int image = first / Geometry.OutputPixels, pixel = first % Geometry.OutputPixels;
        for (int i = 0; i < count; i++)
        {
            outputs[i] = Output + image * OutputStride + (long)pixel * Geometry.OutputChannels * sizeof(float);
            vectors[i] = Vector + image * VectorStride;
            if (++pixel < Geometry.OutputPixels) continue;
            pixel = 0;
            image++;
        }
    }

    private readonly void MultiplyPanel(int panel, int count, byte* scratch)
    {
        var constants = (PanelConstants*)scratch;
        FillConstants(panel, constants);
        int blocks = Geometry.Taps * Blocks;
        byte* operand = Panels + (long)panel * blocks * TKernel.PackedBlockBytes;
        if (TKernel.ExpandedBlockBytes != 0)
        {
            byte* expanded = scratch + ExpandedAt;
            TKernel.Expand(operand, expanded, blocks);
            operand = expanded;
        }

        byte** taps = (byte**)(scratch + TapsAt);
        for (int pixel = 0; pixel < count; pixel += TKernel.Pixels)
        {
            TKernel.Multiply(taps + pixel, BlockPixels, Geometry.Taps, Blocks, Depth, operand, scratch + SumsAt);
            FinishTile(panel * PanelWidth, pixel, Math.Min(TKernel.Pixels, count - pixel), scratch);
        }
    }

    private readonly void FillConstants(int panel, PanelConstants* constants)
    {
        int first = panel * PanelWidth;
        for (int o = 0; o < PanelWidth; o++)
        {
            constants->Bias[o] = Bias[first + o];
            constants->Correction[o] = WeightSums == null ? 0 : ZeroPoint * WeightSums[first + o];
            constants->Scale[o] = WeightScales == null ? 0 : InputScale * WeightScales[first + o];
            constants->Offset[o] = Offset == null || first + o >= Geometry.OutputChannels ? 0 : Offset[first + o];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void FinishTile(int channel, int pixel, int count, byte* scratch)
    {
        var constants = (PanelConstants*)scratch;
        byte* sums = scratch + SumsAt;
        byte** outputs = (byte**)(scratch + OutputsAt) + pixel, vectors = (byte**)(scratch + VectorsAt) + pixel;
        int channels = Math.Min(PanelWidth, Geometry.OutputChannels - channel);
        for (int i = 0; i < count; i++, sums += PanelWidth * 4)
        {
            float* y = (float*)outputs[i] + channel, residual = (float*)((byte*)y + ResidualDistance);
            float* vector = Vector == null ? null : (float*)vectors[i] + channel;
            if (channels == PanelWidth)
            {
                FinishRow(sums, constants, vector, residual, y);
                continue;
            }

            // A panel with fewer than 16 channels is finished beside the map, whose next pixel follows at once.
            float* row = (float*)(scratch + RowsAt), residualRow = row + PanelWidth;
            if (HasResidual) Unsafe.CopyBlockUnaligned(residualRow, residual, (uint)channels * sizeof(float));
            FinishRow(sums, constants, vector, residualRow, row);
            Unsafe.CopyBlockUnaligned(y, row, (uint)channels * sizeof(float));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void FinishRow(byte* sums, PanelConstants* constants, float* vector, float* residual, float* y)
    {
        for (int lane = 0; lane < PanelWidth; lane += 8)
        {
            Vector256<float> v = TKernel.Dequantize(sums, constants, lane);
            if (vector != null) v += Vector256.Load(vector + lane);
            if (HasResidual) v += Vector256.Load(residual + lane);
            if (Geometry.OutputScale != 1f) v *= Vector256.Create(Geometry.OutputScale);
            if (HasCorrection) v = Vector256.FusedMultiplyAdd(v, Vector256.Create(Gain), Vector256.Load(constants->Offset + lane));
            v.Store(y + lane);
        }
    }
}
