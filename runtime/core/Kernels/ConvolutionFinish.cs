using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>What happens to a convolution's sums until they are the result: docs/arithmetic.md, "Finish of a convolution".</summary>
internal unsafe struct ConvolutionFinish
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    /// <summary>Bytes of a result from which on its cache lines are fetched: less than this a core's own cache holds.</summary>
    public const int LeastFetched = 1 << 18;

    public int OutputChannels;
    public float OutputScale;
    /// <summary>Constants per output channel; scales and sums are null in FP32.</summary>
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
    /// <summary>Mean correction, of these images alone: factor, and offset per channel or null.</summary>
    public int CorrectedFrom, CorrectedTo;
    public float Gain;
    public float* Offset;

    /// <summary>Whether cache lines of the result are asked for before it is there: see <see cref="Fetch"/>.</summary>
    public bool FetchesResults;

    public readonly bool HasCorrection => CorrectedFrom < CorrectedTo;

    public readonly void FillConstants(int panel, PanelConstants* constants)
    {
        int first = panel * PanelWidth;
        for (int o = 0; o < PanelWidth; o += 8)
        {
            Vector256.Load(Bias + first + o).Store(constants->Bias + o);
            if (WeightSums != null) (Vector256.Load(WeightSums + first + o) * ZeroPoint).Store(constants->Correction + o);
            if (WeightScales != null) (Vector256.Load(WeightScales + first + o) * InputScale).Store(constants->Scale + o);
        }

        for (int o = 0; HasCorrection && o < PanelWidth; o++)
            constants->Offset[o] = Offset == null || first + o >= OutputChannels ? 0 : Offset[first + o];
    }

    /// <summary>Where the results of some pixels of one image go.</summary>
    public readonly void Locate(int image, int first, int count, OutputPixel* pixels)
    {
        int bytes = OutputChannels * sizeof(float);
        byte* output = Output + image * OutputStride + (long)first * bytes, vector = Vector == null ? null : Vector + image * VectorStride;
        bool corrected = image >= CorrectedFrom && image < CorrectedTo;
        for (int i = 0; i < count; i++, output += bytes) pixels[i] = new(output, vector, corrected);
    }

    /// <summary>Asks for the cache lines that a panel's results of some pixels go to, and those of the residual. They lie a pixel apart, further than the processor looks ahead by itself, and a result
    /// that misses the caches would hold up all that follows.</summary>
    /// <param name="pixels">Where results go; those without an address are left out.</param>
    /// <param name="count">Pixels.</param>
    /// <param name="panel">Which panel.</param>
    public readonly void Fetch(OutputPixel* pixels, int count, int panel)
    {
        if (!FetchesResults) return;
        long channel = (long)panel * PanelWidth * sizeof(float);
        for (int i = 0; i < count; i++)
        {
            if (pixels[i].Output == null) continue;
            Sse.Prefetch0(pixels[i].Output + channel);
            if (HasResidual) Sse.Prefetch0(pixels[i].Output + channel + ResidualDistance);
        }
    }

    /// <summary>Finishes one panel's sums of some pixels.</summary>
    /// <param name="sums">[pixel][16], 32 bits each.</param>
    /// <param name="pixels">Where they go; those without an address are left out.</param>
    /// <param name="count">Pixels.</param>
    /// <param name="panel">Which panel.</param>
    /// <param name="constants">Of the panel.</param>
    [MethodImpl(Jit.Kernel)]
    public readonly void Rows<TKernel>(byte* sums, OutputPixel* pixels, int count, int panel, PanelConstants* constants)
        where TKernel : struct, ITileKernel
    {
        int channel = panel * PanelWidth, channels = Math.Min(PanelWidth, OutputChannels - channel);
        // One test for what is rare.
        bool hasResidual = HasResidual, more = OutputScale != 1f || HasCorrection;
        long residualDistance = ResidualDistance;
        for (int i = 0; i < count; i++, sums += PanelWidth * sizeof(float))
        {
            if (pixels[i].Output == null) continue;
            float* y = (float*)pixels[i].Output + channel, residual = hasResidual ? (float*)((byte*)y + residualDistance) : null;
            float* vector = pixels[i].Vector == null ? null : (float*)pixels[i].Vector + channel;
            if (channels == PanelWidth)
            {
                if (TKernel.IsWide && !more)
                {
                    WideRow<TKernel>(sums, constants, vector, residual, y);
                    continue;
                }

                Row<TKernel>(sums, constants, vector, residual, more, pixels[i].Corrected, y);
                continue;
            }

            // A panel with fewer than 16 channels is finished beside the map, whose next pixel follows at once.
            if (residual != null) Unsafe.CopyBlockUnaligned(constants->ResidualRow, residual, (uint)channels * sizeof(float));
            Row<TKernel>(sums, constants, vector, residual == null ? null : constants->ResidualRow, more, pixels[i].Corrected, constants->Row);
            Unsafe.CopyBlockUnaligned(y, constants->Row, (uint)channels * sizeof(float));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WideRow<TKernel>(byte* sums, PanelConstants* constants, float* vector, float* residual, float* y)
        where TKernel : struct, ITileKernel
    {
        Vector512<float> v = TKernel.DequantizeAll(sums, constants);
        if (vector != null) v += Vector512.Load(vector);
        if (residual != null) v += Vector512.Load(residual);
        v.Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Row<TKernel>(byte* sums, PanelConstants* constants, float* vector, float* residual, bool more, bool corrected, float* y)
        where TKernel : struct, ITileKernel
    {
        Vector256<float> a = TKernel.Dequantize(sums, constants, 0), b = TKernel.Dequantize(sums, constants, 8);
        if (vector != null)
        {
            a += Vector256.Load(vector);
            b += Vector256.Load(vector + 8);
        }

        if (residual != null)
        {
            a += Vector256.Load(residual);
            b += Vector256.Load(residual + 8);
        }

        if (more)
        {
            a = More(a, constants->Offset, corrected);
            b = More(b, constants->Offset + 8, corrected);
        }

        a.Store(y);
        b.Store(y + 8);
    }

    private readonly Vector256<float> More(Vector256<float> v, float* offset, bool corrected)
    {
        if (OutputScale != 1f) v *= Vector256.Create(OutputScale);
        return corrected ? Vector256.FusedMultiplyAdd(v, Vector256.Create(Gain), Vector256.Load(offset)) : v;
    }
}

/// <summary>Where an output pixel's result goes, or null, the values that its image adds per channel, or null, and whether its mean is corrected.</summary>
internal readonly unsafe struct OutputPixel(byte* output, byte* vector, bool corrected)
{
    public readonly byte* Output = output;
    public readonly byte* Vector = vector;
    public readonly bool Corrected = corrected;
}

/// <summary>What one panel's epilogue needs, padded to 16 outputs.</summary>
internal unsafe struct PanelConstants
{
    /// <summary>Zero point times the sum of the output's weights.</summary>
    public fixed int Correction[ConvolutionGeometry.PanelWidth];
    /// <summary>Activation scale times weight scale.</summary>
    public fixed float Scale[ConvolutionGeometry.PanelWidth];
    public fixed float Bias[ConvolutionGeometry.PanelWidth];
    /// <summary>Offset of the mean correction.</summary>
    public fixed float Offset[ConvolutionGeometry.PanelWidth];
    /// <summary>Room for a pixel's result and residual in a panel with fewer outputs.</summary>
    public fixed float Row[ConvolutionGeometry.PanelWidth];
    public fixed float ResidualRow[ConvolutionGeometry.PanelWidth];
}
