using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct RepackArguments
{
    public int Taps, InputChannels, OutputChannels, Bits;
    public ArrayView<int> Panels, Rows;
    public ArrayView<float> FloatPanels;
}

/// <summary>Turns packed panels (docs/weights.md) into the rows that tensor cores read: [output][tap][channel], outputs and channels padded with
/// zeros to multiples of 64 (FP16: to 32 channels, two a word; FP32: to 16). In 4 bits, words 2i and 2i + 1 of 64 channels
/// hold the four-channel words i and i + 8 in their low nibbles, i + 4 and i + 12 in their high ones: what lane i of four multiplies.
/// An item is a word of the result.</summary>
internal static class RepackKernels
{
    public static long Words(ConvolutionDimensions s, bool half) => (long)Padded(s.OutputChannels) * s.KernelSize * s.KernelSize
        * (s.WeightBits < 16 ? Padded(s.InputChannels) * s.WeightBits / 32 : half ? HalfConvolution.TapWords(s.InputChannels) : FloatWords(s.InputChannels));

    /// <summary>Words of a row of so many FP32 numbers: whole steps of 64 bytes.</summary>
    public static int FloatWords(int count) => (count + 15) / 16 * 16;

    public static void Bytes(RepackArguments a)
    {
        int groups = (a.InputChannels + 3) / 4, row = Padded(a.InputChannels) / 4;
        for (int item = Share.Start; item < Padded(a.OutputChannels) * a.Taps * row; item += Share.Step)
        {
            int group = item % row, tap = item / row % a.Taps, output = item / row / a.Taps;
            int word = 0;
            if (group < groups && output < (a.OutputChannels + 15) / 16 * 16)
                word = a.Panels[((long)(output / 16 * a.Taps + tap) * groups + group) * 16 + output % 16];
            a.Rows[item] = word;
        }
    }

    public static void Nibbles(RepackArguments a)
    {
        int row = Padded(a.InputChannels) / 8;
        for (int item = Share.Start; item < Padded(a.OutputChannels) * a.Taps * row; item += Share.Step)
        {
            int pair = item % row, tap = item / row % a.Taps, output = item / row / a.Taps;
            int group = pair / 8 * 16 + pair % 8 / 2 + pair % 2 * 8;
            a.Rows[item] = Nibble(a, output, tap, group) | Nibble(a, output, tap, group + 4) << 4;
        }
    }

    /// <summary>FP16 or FP32 weights as FP16.</summary>
    public static void Halves(RepackArguments a)
    {
        int row = HalfConvolution.TapWords(a.InputChannels);
        for (int item = Share.Start; item < Padded(a.OutputChannels) * a.Taps * row; item += Share.Step)
        {
            int channel = item % row * 2, tap = item / row % a.Taps, output = item / row / a.Taps;
            a.Rows[item] = DeviceHalf.Pack(Value(a, output, tap, channel), Value(a, output, tap, channel + 1));
        }
    }

    public static void Floats(RepackArguments a)
    {
        int row = FloatWords(a.InputChannels);
        for (int item = Share.Start; item < Padded(a.OutputChannels) * a.Taps * row; item += Share.Step)
            a.Rows[item] = (int)Interop.FloatAsInt(Value(a, item / row / a.Taps, item / row % a.Taps, item % row));
    }

    private static float Value(RepackArguments a, int output, int tap, int channel)
    {
        if (channel >= a.InputChannels || output >= a.OutputChannels) return 0f;
        long at = ((long)(output / 16 * a.Taps + tap) * a.InputChannels + channel) * 16 + output % 16;
        return a.Bits == 16 ? DeviceHalf.At(a.Panels, at) : a.FloatPanels[at];
    }

    private static int Nibble(RepackArguments a, int output, int tap, int group)
    {
        int groups = (a.InputChannels + 3) / 4;
        if (group >= groups || output >= (a.OutputChannels + 15) / 16 * 16) return 0;
        int word = a.Panels[((long)(output / 16 * a.Taps + tap) * groups + group) * 8 + output % 8];
        return word >> (output % 16 / 8 * 4) & 0x0F0F0F0F;
    }

    private static int Padded(int count) => (count + TensorConvolution.Step - 1) / TensorConvolution.Step * TensorConvolution.Step;
}
