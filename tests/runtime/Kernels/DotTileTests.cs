using System.Runtime.Intrinsics;

namespace Specializer.Kernels.Tests;

public unsafe class DotTileTests
{
    public static TheoryData<int, int, int> Sizes => new() { { 1, 1, 6 }, { 9, 1, 8 }, { 9, 3, 6 }, { 1, 37, 7 }, { 25, 5, 6 }, { 4, 18, 11 } };

    /// <summary>On any processor: the instructions' lanes as plain loops.</summary>
    [Theory]
    [MemberData(nameof(Sizes))]
    public void Sums_equal_the_plain_loop(int taps, int blocks, int stride)
    {
        Check<PlainDot>(taps, blocks, stride);
        Check<PlainSignedDot>(taps, blocks, stride);
    }

    [InstructionTheory<VnniDot>]
    [MemberData(nameof(Sizes))]
    public void Sums_by_vpdpbusd_equal_the_plain_loop(int taps, int blocks, int stride) => Check<VnniDot>(taps, blocks, stride);

    [InstructionTheory<ArmDot>]
    [MemberData(nameof(Sizes))]
    public void Sums_by_sdot_equal_the_plain_loop(int taps, int blocks, int stride) => Check<ArmDot>(taps, blocks, stride);

    private static void Check<TDot>(int taps, int blocks, int stride)
        where TDot : struct, IQuadDot
    {
        var random = new Random(taps + blocks);
        int pixels = DotTile<TDot>.Pixels, channels = 4 * blocks;
        var activations = new byte[taps * stride * channels];
        random.NextBytes(activations);
        activations.AsSpan(0, channels).Fill(255);
        sbyte[] panel = Values.Weights(random, taps * blocks * DotTile<TDot>.ExpandedBlockBytes, 4);
        var sums = new int[pixels * ConvolutionGeometry.PanelWidth];
        byte** inputs = stackalloc byte*[taps * stride];
        fixed (byte* q = activations)
        fixed (sbyte* w = panel)
        fixed (int* y = sums)
        {
            for (int i = 0; i < taps * stride; i++) inputs[i] = q + i * channels;
            DotTile<TDot>.Multiply(inputs, stride, taps, blocks, default, (byte*)w, (byte*)y);
        }

        for (int pixel = 0; pixel < pixels; pixel++)
            for (int output = 0; output < ConvolutionGeometry.PanelWidth; output++)
            {
                int sum = 0;
                for (int tap = 0; tap < taps; tap++)
                    for (int c = 0; c < channels; c++)
                        sum += (activations[(tap * stride + pixel) * channels + c] - TDot.Offset) * panel[(tap * blocks + c / 4) * 64 + output * 4 + c % 4];
                Assert.Equal(sum, sums[pixel * ConvolutionGeometry.PanelWidth + output]);
            }
    }

    private readonly struct PlainDot : IQuadDot
    {
        public static bool IsSupported => true;
        public static int Offset => 0;

        public static Vector256<int> Accumulate(Vector256<int> sum, Vector256<byte> a, Vector256<sbyte> b)
        {
            for (int i = 0; i < 32; i++) sum = sum.WithElement(i / 4, sum[i / 4] + a[i] * b[i]);
            return sum;
        }
    }

    private readonly struct PlainSignedDot : IQuadDot
    {
        public static bool IsSupported => true;
        public static int Offset => 128;

        public static Vector256<int> Accumulate(Vector256<int> sum, Vector256<byte> a, Vector256<sbyte> b)
        {
            for (int i = 0; i < 32; i++) sum = sum.WithElement(i / 4, sum[i / 4] + (a[i] - 128) * b[i]);
            return sum;
        }
    }

    /// <summary>A theory that is skipped where the processor lacks the instruction.</summary>
    private sealed class InstructionTheoryAttribute<TDot> : TheoryAttribute
        where TDot : struct, IQuadDot
    {
        public InstructionTheoryAttribute() => Skip = TDot.IsSupported ? null : $"This processor has no instruction for {typeof(TDot).Name}.";
    }
}
