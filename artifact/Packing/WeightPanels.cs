using Specializer.Manifest;

namespace Specializer.Packing;

/// <summary>Rearranges a convolution's weights [O, K·K, I] into panels of 16 output channels (docs/weights.md).</summary>
internal static class WeightPanels
{
    private const int PanelOutputs = 16;

    /// <summary>Panels of weights in floating point: for each 16 outputs, each tap, each input 16 numbers of 16 or 32 bits.</summary>
    public static byte[] Float(byte[] weights, int inputs, int outputs, int kernelSize, int bits)
    {
        byte[] panels = Allocate(inputs, outputs, kernelSize, bits);
        int row = kernelSize * kernelSize * inputs, size = bits / 8;
        for (int output = 0; output < outputs; output++)
        {
            int source = output * row * size;
            int target = (output / PanelOutputs * row * PanelOutputs + output % PanelOutputs) * size;
            for (int k = 0; k < row; k++, source += size, target += PanelOutputs * size)
                for (int i = 0; i < size; i++) panels[target + i] = weights[source + i];
        }

        return panels;
    }

    /// <summary>Panels of 4- or 8-bit weights, and I32[O], the sum of each output channel's integers.</summary>
    /// <exception cref="WeightsException">An element lies outside [−7, 7] or [−127, 127].</exception>
    public static (byte[] Panels, byte[] Sums) Integer(string name, byte[] weights, int inputs, int outputs, int kernelSize, int bits)
    {
        int taps = kernelSize * kernelSize, row = taps * inputs, groups = (inputs + 3) / 4;
        int blockBytes = bits == 4 ? 32 : 64;
        byte[] panels = Allocate(inputs, outputs, kernelSize, bits);
        var sums = new byte[outputs * 4];
        var values = new sbyte[row];
        for (int output = 0; output < outputs; output++)
        {
            if (bits == 4) Decode4(name, weights, output, values);
            else Decode8(name, weights, output, values);

            int sum = 0;
            int panel = output / PanelOutputs * taps * groups;
            int lane = output % PanelOutputs * 4;
            for (int tap = 0, k = 0; tap < taps; tap++)
            {
                int block = (panel + tap * groups) * blockBytes;
                for (int input = 0; input < inputs; input++, k++)
                {
                    int value = values[k];
                    sum = checked(sum + value);
                    int target = block + input / 4 * blockBytes;
                    int element = lane + input % 4;
                    if (bits == 8) panels[target + element] = (byte)value;
                    // The upper eight of the sixteen outputs share the lower eight's bytes.
                    else if (element < 32) panels[target + element] |= (byte)(value & 0xF);
                    else panels[target + element - 32] |= (byte)(value << 4);
                }
            }

            WeightSections.WriteInt32(sums, output * 4, sum);
        }

        return (panels, sums);
    }

    private static void Decode8(string name, byte[] weights, int output, sbyte[] values)
    {
        int start = output * values.Length;
        for (int k = 0; k < values.Length; k++)
        {
            sbyte value = unchecked((sbyte)weights[start + k]);
            if (value == sbyte.MinValue) throw OutOfRange(name, output, k, value, 127);
            values[k] = value;
        }
    }

    private static void Decode4(string name, byte[] weights, int output, sbyte[] values)
    {
        int rowBytes = (values.Length + 1) / 2;
        int start = output * rowBytes;
        for (int k = 0; k < values.Length; k++)
        {
            int nibble = weights[start + k / 2] >> (k % 2 * 4) & 0xF;
            // Flips the sign bit and subtracts its weight: two's complement of four bits.
            int value = (nibble ^ 8) - 8;
            if (value == -8) throw OutOfRange(name, output, k, value, 7);
            values[k] = (sbyte)value;
        }

        if (values.Length % 2 == 1 && weights[start + rowBytes - 1] >> 4 != 0)
            throw new WeightsException($"The tensor '{name}' has a value in the unused half of the last byte of output channel {output}; it must be 0. Write the weights file again.");
    }

    private static WeightsException OutOfRange(string name, int output, int element, int value, int limit) =>
        new($"The tensor '{name}' holds {value} at [{output}, {element}] (output channel, element of its row); weights lie in [−{limit}, {limit}]. Quantize symmetrically and write the weights file again.");

    private static byte[] Allocate(int inputs, int outputs, int kernelSize, int bits)
    {
        const int longestArray = 0x7FFFFFC7;
        long bytes = WeightLayout.PanelBytes(inputs, outputs, kernelSize, bits);
        return bytes <= longestArray
            ? new byte[bytes]
            : throw new WeightsException($"A layer with {inputs} inputs, {outputs} outputs and kernel size {kernelSize} takes {bytes} bytes; one layer may take {longestArray}.");
    }
}
