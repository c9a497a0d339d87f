using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>F(2×2, 3×3) in FP32: unlike the integer forms it rounds otherwise than the direct form, so the shape alone decides where it is computed.</summary>
internal static class FloatWinograd
{
    /// <summary>Whether an FP32 convolution of this shape is defined by this form. On smaller maps transforming the weights costs more than it saves.</summary>
    public static bool Computes(in ConvolutionGeometry g) => g is { KernelSize: 3, Stride: 1, InputChannels: >= 16, OutputHeight: >= 4, OutputWidth: >= 4 };
}

/// <summary>F(2×2, 3×3) in FP32. The order of its additions is that of docs/arithmetic.md.</summary>
/// <typeparam name="TSource">What the weights are stored in.</typeparam>
internal readonly unsafe struct FloatWinograd<TSource> : IWinogradForm
    where TSource : struct, IFloatSource
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    public static int Tile => 2;
    public static int Shift => 0;
    // Counted in instructions, not measured: the cut into blocks is all that depends on them, and it hardly does.
    public static float WeightCost => 6f;
    public static float InputCost => 0.5f;
    public static float OutputCost => 8f;
    public static int PackedBlockBytes => PanelWidth * TSource.ElementBytes;
    public static int WeightBlockBytes => PanelWidth * sizeof(float);
    public static int InputBlockBytes => sizeof(float);

    [MethodImpl(Jit.Kernel)]
    public static void TransformInput(byte** patch, int stride, int blocks, byte* result, nint distance)
    {
        // Rows of Bᵀ: d0 − d2, d1 + d2, d2 − d1, d1 − d3.
        Row(patch, patch + 8 * stride, stride, false, blocks, result, distance);
        Row(patch + 4 * stride, patch + 8 * stride, stride, true, blocks, result + 4 * distance, distance);
        Row(patch + 8 * stride, patch + 4 * stride, stride, false, blocks, result + 8 * distance, distance);
        Row(patch + 4 * stride, patch + 12 * stride, stride, false, blocks, result + 12 * distance, distance);
    }

    /// <summary>Sum or difference of two rows of the patch, times B.</summary>
    [MethodImpl(Jit.Kernel)]
    private static void Row(byte** one, byte** two, int stride, bool add, int channels, byte* result, nint distance)
    {
        byte* a0 = one[0], a1 = one[stride], a2 = one[2 * stride], a3 = one[3 * stride];
        byte* b0 = two[0], b1 = two[stride], b2 = two[2 * stride], b3 = two[3 * stride];
        for (int next = 0; next < channels; next += 8)
        {
            int c = Math.Min(next, channels - 8); // The last eight may overlap those before.
            Vector256<float> t0 = Combine(a0, b0, c, add), t1 = Combine(a1, b1, c, add), t2 = Combine(a2, b2, c, add), t3 = Combine(a3, b3, c, add);
            (t0 - t2).Store((float*)result + c);
            (t1 + t2).Store((float*)(result + distance) + c);
            (t2 - t1).Store((float*)(result + 2 * distance) + c);
            (t1 - t3).Store((float*)(result + 3 * distance) + c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Combine(byte* a, byte* b, int channel, bool add) =>
        add ? Vector256.Load((float*)a + channel) + Vector256.Load((float*)b + channel) : Vector256.Load((float*)a + channel) - Vector256.Load((float*)b + channel);

    [MethodImpl(Jit.Kernel)]
    public static void TransformWeights(byte* packed, int blocks, byte* result, nint distance)
    {
        nint tap = (nint)blocks * PackedBlockBytes;
        // Eight outputs at a time.
        for (byte* end = packed + tap; packed < end; packed += 8 * TSource.ElementBytes, result += sizeof(Vector256<float>))
        {
            Column(packed, 3 * tap, out Vector256<float> a0, out Vector256<float> a1, out Vector256<float> a2, out Vector256<float> a3);
            Column(packed + tap, 3 * tap, out Vector256<float> b0, out Vector256<float> b1, out Vector256<float> b2, out Vector256<float> b3);
            Column(packed + 2 * tap, 3 * tap, out Vector256<float> c0, out Vector256<float> c1, out Vector256<float> c2, out Vector256<float> c3);
            StoreRow(a0, b0, c0, result, distance);
            StoreRow(a1, b1, c1, result + 4 * distance, distance);
            StoreRow(a2, b2, c2, result + 8 * distance, distance);
            StoreRow(a3, b3, c3, result + 12 * distance, distance);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column(byte* taps, nint row, out Vector256<float> r0, out Vector256<float> r1, out Vector256<float> r2, out Vector256<float> r3) =>
        Weights(TSource.Load(taps), TSource.Load(taps + row), TSource.Load(taps + 2 * row), out r0, out r1, out r2, out r3);

    /// <summary>G times a column: a, ((a + c) + b)/2, ((a + c) − b)/2, c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Weights(Vector256<float> a, Vector256<float> b, Vector256<float> c,
        out Vector256<float> r0, out Vector256<float> r1, out Vector256<float> r2, out Vector256<float> r3)
    {
        Vector256<float> sum = a + c, half = Vector256.Create(0.5f);
        (r0, r1, r2, r3) = (a, (sum + b) * half, (sum - b) * half, c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow(Vector256<float> a, Vector256<float> b, Vector256<float> c, byte* result, nint distance)
    {
        Weights(a, b, c, out Vector256<float> r0, out Vector256<float> r1, out Vector256<float> r2, out Vector256<float> r3);
        r0.Store((float*)result);
        r1.Store((float*)(result + distance));
        r2.Store((float*)(result + 2 * distance));
        r3.Store((float*)(result + 3 * distance));
    }

    [MethodImpl(Jit.Kernel)]
    public static void TransformOutput(byte* products, nint distance, byte* result)
    {
        var sums = (float*)result;
        for (int lane = 0; lane < PanelWidth; lane += 8, products += 8 * sizeof(float), sums += 8)
        {
            Output(products, distance, out Vector256<float> t0, out Vector256<float> b0);
            Output(products + distance, distance, out Vector256<float> t1, out Vector256<float> b1);
            Output(products + 2 * distance, distance, out Vector256<float> t2, out Vector256<float> b2);
            Output(products + 3 * distance, distance, out Vector256<float> t3, out Vector256<float> b3);
            (t0 + t1 + t2).Store(sums);
            (t1 - t2 - t3).Store(sums + PanelWidth);
            (b0 + b1 + b2).Store(sums + 2 * PanelWidth);
            (b1 - b2 - b3).Store(sums + 3 * PanelWidth);
        }
    }

    /// <summary>Aᵀ times a column: (m0 + m1) + m2 above, (m1 − m2) − m3 below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Output(byte* column, nint distance, out Vector256<float> top, out Vector256<float> bottom)
    {
        Vector256<float> one = Vector256.Load((float*)(column + 4 * distance)), two = Vector256.Load((float*)(column + 8 * distance));
        top = Vector256.Load((float*)column) + one + two;
        bottom = one - two - Vector256.Load((float*)(column + 12 * distance));
    }
}
