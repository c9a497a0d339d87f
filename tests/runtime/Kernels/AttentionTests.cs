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
        foreach ((int threads, int batch) in ((int, int)[])[(1, 1), (2, 2), (5, 7), (5, 1)])
        {
            float[][] images = Values.Images(new Random(6), batch, 3 * tokens * heads * channels, 2f);
            using var bench = new Bench(new TestBlob().Build(), threads, batch);
            Activation qkv = bench.Write(images), y = bench.Plan(4 * tokens * heads * channels);
            bench.Run.Attend(qkv, y, new AttentionShape(tokens, heads, channels));
            float[][] actual = bench.Read(y, tokens * heads * channels);
            for (int n = 0; n < batch; n++)
                Values.Same(Reference.Attend(images[n], tokens, heads, channels), actual[n]);
        }
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
