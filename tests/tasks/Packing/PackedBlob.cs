using System.Buffers.Binary;

namespace Specializer.Tasks.Tests.Packing;

/// <summary>Reads a packed blob by docs/weights.md alone, one element at a time.</summary>
internal sealed class PackedBlob(byte[] bytes)
{
    private int _position = 128;

    public int Position => _position;

    public float[] Floats(int count)
    {
        float[] values = [.. Enumerable.Range(0, count).Select(i => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(_position + 4 * i)))];
        SkipPart(4 * count);
        return values;
    }

    public byte[] Bytes(int count)
    {
        byte[] part = bytes[_position..(_position + count)];
        SkipPart(count);
        return part;
    }

    /// <summary>[N] numbers padded to a multiple of 16 with zeros.</summary>
    public float[] PaddedFloats(int count)
    {
        float[] padded = Floats(RoundUp(count, 16));
        Assert.All(padded[count..], v => Assert.Equal(0, v));
        return padded[..count];
    }

    public int[] PaddedSums(int count)
    {
        int[] padded = [.. Enumerable.Range(0, RoundUp(count, 16)).Select(i => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(_position + 4 * i)))];
        SkipPart(4 * padded.Length);
        Assert.All(padded[count..], v => Assert.Equal(0, v));
        return padded[..count];
    }

    /// <summary>[outputs, taps, inputs] integers; asserts that the padding is zero.</summary>
    public int[,,] Integers(int outputs, int taps, int inputs, int bits)
    {
        var values = new int[outputs, taps, inputs];
        int groups = RoundUp(inputs, 4) / 4, blockBytes = bits == 4 ? 32 : 64, paddedOutputs = RoundUp(outputs, 16);
        for (int o = 0; o < paddedOutputs; o++)
            for (int t = 0; t < taps; t++)
                for (int c = 0; c < groups * 4; c++)
                {
                    int block = _position + ((o / 16 * taps + t) * groups + c / 4) * blockBytes;
                    int element = o % 16 * 4 + c % 4;
                    int value = bits == 8 ? (sbyte)bytes[block + element] : Nibble(bytes[block + element % 32], high: element >= 32);
                    if (o < outputs && c < inputs) values[o, t, c] = value;
                    else Assert.Equal(0, value);
                }

        SkipPart(paddedOutputs / 16 * taps * groups * blockBytes);
        return values;
    }

    /// <summary>[outputs, taps, inputs] halves; asserts that the padding is zero.</summary>
    public Half[,,] HalfPanels(int outputs, int taps, int inputs)
    {
        var values = new Half[outputs, taps, inputs];
        int paddedOutputs = RoundUp(outputs, 16);
        for (int o = 0; o < paddedOutputs; o++)
            for (int t = 0; t < taps; t++)
                for (int c = 0; c < inputs; c++)
                {
                    Half value = BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(_position + (((o / 16 * taps + t) * inputs + c) * 16 + o % 16) * 2));
                    if (o < outputs) values[o, t, c] = value;
                    else Assert.Equal(Half.Zero, value);
                }

        SkipPart(paddedOutputs * taps * inputs * 2);
        return values;
    }

    /// <summary>[outputs, taps, inputs] floats; asserts that the padding is zero.</summary>
    public float[,,] FloatPanels(int outputs, int taps, int inputs)
    {
        var values = new float[outputs, taps, inputs];
        int paddedOutputs = RoundUp(outputs, 16);
        for (int o = 0; o < paddedOutputs; o++)
            for (int t = 0; t < taps; t++)
                for (int c = 0; c < inputs; c++)
                {
                    float value = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(_position + (((o / 16 * taps + t) * inputs + c) * 16 + o % 16) * 4));
                    if (o < outputs) values[o, t, c] = value;
                    else Assert.Equal(0, value);
                }

        SkipPart(paddedOutputs * taps * inputs * 4);
        return values;
    }

    private static int Nibble(byte pair, bool high)
    {
        int bits = high ? pair >> 4 : pair & 15;
        return bits < 8 ? bits : bits - 16;
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    private void SkipPart(int length)
    {
        int end = RoundUp(_position + length, 64);
        Assert.All(bytes[(_position + length)..end], b => Assert.Equal(0, b));
        _position = end;
    }
}
