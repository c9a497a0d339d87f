namespace Specializer.Kernels.Tests;

public class AttentionTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(5, 2, 3)]
    [InlineData(49, 4, 8)]
    [InlineData(64, 1, 40)]
    [InlineData(37, 3, 17)]
    public void Results_equal_the_plain_loop(int tokens, int heads, int channels)
    {
        foreach ((int threads, int batch, bool wide) in ((int, int, bool)[])[(1, 1, false), (1, 1, true), (2, 2, true), (5, 7, false), (5, 7, true), (5, 1, false)])
        {
            float[][] images = Values.Images(new Random(6), batch, 3 * tokens * heads * channels, 2f);
            using var bench = new Bench(new TestBlob().Build(), threads, batch, wide: wide);
            Activation qkv = bench.Write(images), y = bench.Plan(4 * tokens * heads * channels);
            bench.Run.Attend(qkv, y, new AttentionShape(tokens, heads, channels));
            float[][] actual = bench.Read(y, tokens * heads * channels);
            for (int n = 0; n < batch; n++)
                Values.Same(Reference.Attend(images[n], tokens, heads, channels), actual[n]);
        }
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(5, 2, 3)]
    [InlineData(49, 4, 8)]
    [InlineData(64, 1, 40)]
    [InlineData(37, 3, 17)]
    [InlineData(18, 2, 16)]
    public void Quantized_products_equal_the_plain_loop(int tokens, int heads, int channels)
    {
        // Ranges that clip, and zero points at and between the ends.
        Quantization query = new(0.013f, 140, 255), key = new(0.02f, 0, 255), value = new(0.011f, 255, 255);
        foreach ((int threads, int batch, bool wide) in ((int, int, bool)[])[(1, 1, false), (1, 1, true), (2, 2, true), (5, 7, false), (5, 7, true), (5, 1, false)])
        {
            float[][] images = Values.Images(new Random(6), batch, 3 * tokens * heads * channels, 2f);
            images[0][0] = float.NaN; // Becomes 0.
            images[^1][^1] = float.NegativeInfinity;
            using var bench = new Bench(new TestBlob().Build(), threads, batch, wide: wide);
            Activation qkv = bench.Write(images), y = bench.Plan(4 * tokens * heads * channels);
            bench.Run.Attend(qkv, y, query, key, value, new AttentionShape(tokens, heads, channels));
            float[][] actual = bench.Read(y, tokens * heads * channels);
            for (int n = 0; n < batch; n++)
                Values.Same(Reference.Attend(images[n], tokens, heads, channels, query, key, value), actual[n]);
        }
    }

    [Theory]
    [InlineData(49, 32, 1f)]
    [InlineData(256, 8, 0.05f)] // Attention that is nearly flat.
    [InlineData(64, 16, 8f)] // And nearly on one key.
    public void Quantized_products_come_close_to_FP32(int tokens, int channels, float spread)
    {
        float[] qkv = Values.Images(new Random(7), 1, 3 * tokens * channels, spread)[0];
        Quantization range = new(2 * spread / 255, 128, 255);
        float[] exact = Reference.Attend(qkv, tokens, 1, channels), quantized = Reference.Attend(qkv, tokens, 1, channels, range, range, range);
        double signal = exact.Sum(v => (double)v * v), noise = exact.Zip(quantized, (a, b) => (double)(a - b) * (a - b)).Sum();
        Assert.True(signal > 100 * noise, $"{10 * Math.Log10(signal / noise):F1} dB");
    }

    [Fact]
    public void Quantizations_and_sizes_are_checked()
    {
        using var bench = new Bench(new TestBlob().Build(), 1, 1);
        Activation x = bench.Write(new float[12]), y = bench.Plan(16);
        Quantization fine = new(1, 0, 255);
        foreach (Quantization bad in (Quantization[])[fine with { Scale = 0 }, fine with { Scale = float.NaN }, fine with { ZeroPoint = 256 }, fine with { ZeroPoint = -1 }, fine with { Levels = 256 }])
            for (int part = 0; part < 3; part++)
                Assert.Throws<ArgumentException>(() => bench.Run.Attend(x, y, part == 0 ? bad : fine, part == 1 ? bad : fine, part == 2 ? bad : fine, new AttentionShape(4, 1, 1)));
        Assert.Contains("32 bits", Assert.Throws<ArgumentException>(() => bench.Run.Attend(x, y, fine, fine, fine, new AttentionShape(33026, 1, 1))).Message);
    }

    [Fact]
    public void Equal_keys_average_the_values()
    {
        float[] qkv = new float[3 * 4];
        for (int token = 0; token < 4; token++) (qkv[3 * token], qkv[3 * token + 1], qkv[3 * token + 2]) = (token, 1f, token * token);
        using var bench = new Bench(new TestBlob().Build(), 1, 1);
        Activation x = bench.Write(qkv), y = bench.Plan(16);
        bench.Run.Attend(x, y, new AttentionShape(4, 1, 1));
        Assert.Equal([3.5f, 3.5f, 3.5f, 3.5f], bench.Read(y, 4)[0]);
    }
}
