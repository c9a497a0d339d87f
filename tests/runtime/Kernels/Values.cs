namespace Specializer.Kernels.Tests;

/// <summary>Test data from a fixed seed, and comparison of bits.</summary>
internal static class Values
{
    public static float[] Floats(Random random, int count, float scale = 1f)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (random.NextSingle() * 2 - 1) * scale;
        return values;
    }

    public static float[][] Images(Random random, int images, int elements, float scale = 1f) =>
        Enumerable.Range(0, images).Select(_ => Floats(random, elements, scale)).ToArray();

    public static sbyte[] Weights(Random random, int count, int bits)
    {
        int largest = bits == 4 ? 7 : 127;
        var values = new sbyte[count];
        for (int i = 0; i < count; i++) values[i] = (sbyte)random.Next(-largest, largest + 1);
        return values;
    }

    public static int[] Quantized(float[] x, Quantization to)
    {
        var quantizer = new AffineQuantizer(to);
        return Array.ConvertAll(x, quantizer.Round);
    }

    public static void Same(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]),
                $"Element {i} is {actual[i]:R}, expected {expected[i]:R}.");
    }
}
