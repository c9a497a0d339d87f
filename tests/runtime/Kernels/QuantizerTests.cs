namespace Specializer.Kernels.Tests;

public class QuantizerTests
{
    [Theory]
    [InlineData(1, 1, 15)]
    [InlineData(2, 3, 255)]
    [InlineData(1, 21, 255)]
    [InlineData(2, 40, 15)]
    public void Stored_maps_equal_the_plain_loop(int elementSize, int channels, int levels)
    {
        var to = new Quantization(0.125f, levels / 3, levels);
        float[][] images = Values.Images(new Random(4), 3, 15 * channels, 0.1f * levels);
        int bytes = 15 * ((channels + 3) / 4 * 4) * elementSize;
        using var bench = new Bench(new TestBlob().Build(), 2, 3);
        Activation x = bench.Write(images), q = bench.Plan(bytes);
        bench.Run.Quantize(x, q, to, new MapShape(3, 5, channels, elementSize));
        for (int n = 0; n < 3; n++)
            Assert.Equal(Reference.Stored(Values.Quantized(images[n], to), channels, elementSize), bench.ReadBytes(q, bytes)[n]);
    }

    [Fact]
    public void Ties_go_to_even_and_the_rest_is_clamped()
    {
        // Scale 1, zero point 4: both the vector's eight lanes and the plain form.
        float[] x = [0.5f, 1.5f, 2.5f, -0.5f, -1.5f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 1e30f, -4.5f, 250.5f, 251.5f, 3.49f, -3.51f, 0f];
        int[] expected = [4, 6, 6, 4, 2, 4, 255, 0, 4, 255, 0, 254, 255, 7, 0, 4];
        var to = new Quantization(1f, 4, 255);
        Assert.Equal(expected, Values.Quantized(x, to));
        using var bench = new Bench(new TestBlob().Build(), 1, 1);
        Activation map = bench.Write(x), q = bench.Plan(16);
        bench.Run.Quantize(map, q, to, new MapShape(1, 1, 16, 1));
        Assert.Equal(Array.ConvertAll(expected, e => (byte)e), bench.ReadBytes(q, 16)[0]);
    }

    [Theory]
    [InlineData(1, 16)]
    [InlineData(2, 16)]
    [InlineData(1, 100)]
    [InlineData(2, 100)]
    public unsafe void Vectors_of_512_bits_give_the_same_elements(int elementSize, int count)
    {
        var to = new Quantization(0.125f, 85, 255);
        float[] x = [.. Values.Floats(new Random(4), count - 4, 30), float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e30f];
        var q = new byte[count * elementSize];
        fixed (float* from = x)
        fixed (byte* bytes = q)
        {
            new AffineQuantizer(to).WidePixels(from, bytes, count, elementSize);
        }

        Assert.Equal(Reference.Stored(Values.Quantized(x, to), count, elementSize), q);
    }
}
