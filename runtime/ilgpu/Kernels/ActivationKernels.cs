using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct ActivationArguments
{
    public MapDimensions Shape;
    public int Batch;
    public Nonlinearity Function;
    /// <summary>A gate reads twice the channels.</summary>
    public BatchView<float> X, Y;
    /// <summary>Four elements a word.</summary>
    public BatchView<int> Q;
    public AffineQuantizer Quantizer;
}

/// <summary>Non-linearities element by element, and the gate a·gelu(b); into FP32 (an item is an element) or quantized (a word of four channels).</summary>
internal static class ActivationKernels
{
    public static void ActivateLiteral<TShape>(ActivationArguments a) where TShape : struct, IMapShape => Floats(a, default(TShape), gate: false);

    public static void ActivateDynamic(ActivationArguments a) => Floats(a, a.Shape, gate: false);

    public static void ActivateQuantizeLiteral<TShape>(ActivationArguments a) where TShape : struct, IMapShape => Words(a, default(TShape), gate: false);

    public static void ActivateQuantizeDynamic(ActivationArguments a) => Words(a, a.Shape, gate: false);

    public static void GateLiteral<TShape>(ActivationArguments a) where TShape : struct, IMapShape => Floats(a, default(TShape), gate: true);

    public static void GateDynamic(ActivationArguments a) => Floats(a, a.Shape, gate: true);

    public static void GateQuantizeLiteral<TShape>(ActivationArguments a) where TShape : struct, IMapShape => Words(a, default(TShape), gate: true);

    public static void GateQuantizeDynamic(ActivationArguments a) => Words(a, a.Shape, gate: true);

    private static void Floats<TShape>(ActivationArguments a, TShape shape, bool gate)
        where TShape : struct, IMapShape
    {
        int channels = shape.Channels, elements = shape.Height * shape.Width * channels;
        for (int item = Share.Start; item < a.Batch * elements; item += Share.Step)
        {
            int image = item / elements, element = item % elements;
            a.Y.Image(image)[element] = Value(a, gate, image, element / channels, element % channels, channels);
        }
    }

    private static void Words<TShape>(ActivationArguments a, TShape shape, bool gate)
        where TShape : struct, IMapShape
    {
        int channels = shape.Channels, groups = (channels + 3) / 4, words = shape.Height * shape.Width * groups;
        for (int item = Share.Start; item < a.Batch * words; item += Share.Step)
        {
            int image = item / words, word = item % words, q = 0;
            for (int i = 0; i < 4; i++)
            {
                int channel = word % groups * 4 + i;
                if (channel < channels) q |= a.Quantizer.Round(Value(a, gate, image, word / groups, channel, channels)) << 8 * i;
            }

            a.Q.Image(image)[word] = q;
        }
    }

    private static float Value(ActivationArguments a, bool gate, int image, int pixel, int channel, int channels)
    {
        ArrayView<float> x = a.X.Image(image);
        if (!gate) return DeviceFunctions.Apply(a.Function, x[(long)pixel * channels + channel]);
        long at = (long)pixel * 2 * channels + channel;
        return ExactMath.Multiply(x[at], DeviceFunctions.Gelu(x[at + channels]));
    }
}
