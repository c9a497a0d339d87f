namespace Specializer.Kernels.Tests;

public class EmbeddingTests
{
    [Theory]
    [InlineData(1, 1, 5)]
    [InlineData(2, 7, 5)]
    [InlineData(5, 13, 40)]
    public void Labelled_vectors_equal_the_plain_loop(int threads, int batch, int vectors)
    {
        var s = new EmbeddingShape(3, 21, 4, vectors);
        var random = new Random(8);
        float[] time = Values.Floats(random, 3 * 21), labels = Values.Floats(random, 4 * 21), weights = Values.Floats(random, vectors * 21), bias = Values.Floats(random, vectors);
        var blob = new TestBlob();
        EmbeddingWeights at = blob.AddEmbedding(s, time, labels, weights, bias);
        using var bench = new Bench(blob.Build(), threads, batch, vectors);
        int[] chosen = Enumerable.Range(0, batch).Select(n => n % 4).ToArray();
        bench.Run.Begin(batch, chosen, default);
        bench.Run.Embed(at, bench.Vectors, 2, s);
        float[][] actual = bench.Read(bench.Vectors, vectors);
        for (int n = 0; n < batch; n++)
            Values.Same(Enumerable.Range(0, vectors).Select(v => Reference.Project(time[42..63], labels[(chosen[n] * 21)..(chosen[n] * 21 + 21)],
                weights[(v * 21)..(v * 21 + 21)], bias[v])).ToArray(), actual[n]);
    }

    [Fact]
    public void Unlabelled_vectors_are_the_rows_of_the_table()
    {
        var blob = new TestBlob();
        EmbeddingWeights at = blob.AddVectors([1, 2, 3, 4, 5, 6]);
        using var bench = new Bench(blob.Build(), 1, 2, 3);
        bench.Run.Embed(at, bench.Vectors, 1, new EmbeddingShape(2, 0, 0, 3));
        Assert.All(bench.Read(bench.Vectors, 3), v => Assert.Equal([4f, 5f, 6f], v));
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Run.Embed(at, bench.Vectors, 2, new EmbeddingShape(2, 0, 0, 3)));
    }

    [Fact]
    public void A_label_outside_the_table_is_refused()
    {
        var s = new EmbeddingShape(1, 2, 2, 1);
        var blob = new TestBlob();
        EmbeddingWeights at = blob.AddEmbedding(s, new float[2], new float[4], new float[2], new float[1]);
        using var bench = new Bench(blob.Build(), 1, 1);
        Assert.Throws<InvalidOperationException>(() => bench.Run.Embed(at, bench.Vectors, 0, s));
        bench.Run.Begin(1, [2], default);
        Assert.Throws<ArgumentException>(() => bench.Run.Embed(at, bench.Vectors, 0, s));
    }
}
