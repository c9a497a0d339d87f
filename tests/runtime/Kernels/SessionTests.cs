namespace Specializer.Kernels.Tests;

public class SessionTests
{
    [Fact]
    public void A_steady_state_allocates_nothing()
    {
        ConvolutionShape integer = ConvolutionShape.Of(8, 8, 16, 16, 4), real = integer with { WeightBits = 32 };
        var random = new Random(11);
        var blob = new TestBlob();
        ConvolutionWeights w4 = blob.Add(integer, Values.Weights(random, 16 * 9 * 16, 4), Values.Floats(random, 16), Values.Floats(random, 16));
        ConvolutionWeights w32 = blob.Add(real, Values.Floats(random, 16 * 9 * 16), Values.Floats(random, 16));
        NormWeights norm = blob.AddNorm(Values.Floats(random, 16), Values.Floats(random, 16));
        var labelled = new EmbeddingShape(1, 8, 2, 16);
        EmbeddingWeights embedding = blob.AddEmbedding(labelled, new float[8], new float[16], Values.Floats(random, 128), new float[16]);
        using var bench = new Bench(blob.Build(), 2, 4, 16);
        Activation x = bench.Write(Values.Images(random, 4, 64 * 16)), y = bench.Plan(4 * 64 * 16), q = bench.Plan(64 * 16), qkv = bench.Write(Values.Images(random, 4, 3 * 64 * 16));
        var map = new MapShape(8, 8, 16, 1);
        var to = new Quantization(0.02f, 100, 255);
        float[] covariance = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], means = new float[64];
        bench.Run.Begin(DrawnImage.Consecutive(2, 1, 0, 2f), [0, 1, 1, 1], default);
        SolverRegister state = new(x, bothHalves: true), prediction = new(y), d = SolverRegister.Temporary(0), z = SolverRegister.Temporary(1);

        // Warm up until the compiler has finished with every method, then count what the calling thread allocates.
        for (int i = 0; i < 100; i++) Step();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++) Step();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Step()
        {
            bench.Run.Embed(embedding, bench.Vectors, 0, labelled);
            bench.Run.Quantize(x, q, to, map);
            bench.Run.NormalizeQuantize(norm, x, q, to, shape: new GroupNormShape(8, 8, 16, 0, 4, 1e-5f, Nonlinearity.Silu, 1));
            bench.Run.Convolve(w4, q, to, y, 0, y, new Correction(1.1f, default), integer);
            bench.Run.Convolve(w32, x, y, shape: real);
            bench.Run.Attend(qkv, y, new AttentionShape(64, 2, 8));
            bench.Run.Guide(y, new GuidanceMoments(covariance, means, 0.1f, 0.1f, true, MeanCorrectionKind.Divide, true), map);
            bench.Run.Solve(0, [d.Set(1f * state + -1f * prediction), d.Clip(1f), z.Draw(0), state.Set(0.5f * state + 0.5f * d + new StepSigma(0.1f) * z)], map);
            bench.Run.Threshold(0, state, 0.9f, 2f, map);
        }
    }

    [Fact]
    public void Guidance_leaves_the_correction_to_Guide()
    {
        ConvolutionShape s = ConvolutionShape.Of(2, 2, 1, 1, 32, kernel: 1, before: 0, after: 0);
        var blob = new TestBlob();
        ConvolutionWeights at = blob.Add(s, [1f], [0f]);
        using var bench = new Bench(blob.Build(), 1, 2);
        Activation x = bench.Plan(16), y = bench.Plan(16);
        bench.Run.Begin(DrawnImage.Consecutive(1, 3, 0, 2f), default, default);
        bench.Draw(x, new MapShape(2, 2, 1, 1));
        bench.Run.Convolve(at, x, y, correction: new Correction(3f, [7f]), shape: s);
        Values.Same(bench.Read(x, 4)[1], bench.Read(y, 4)[1]);
        bench.Run.Begin(DrawnImage.Consecutive(1, 3, 0, 1f), default, default);
        bench.Draw(x, new MapShape(2, 2, 1, 1));
        bench.Run.Convolve(at, x, y, correction: new Correction(3f, [7f]), shape: s);
        Values.Same(bench.Read(x, 4)[0].Select(v => MathF.FusedMultiplyAdd(v, 3f, 7f)).ToArray(), bench.Read(y, 4)[0]);
    }

    [Fact]
    public void Cancellation_and_misuse_are_noticed()
    {
        using var source = new CancellationTokenSource();
        using var bench = new Bench(new TestBlob().Build(), 1, 2);
        Activation x = bench.Plan(64), q = bench.Plan(64);
        bench.Run.Begin(2, default, source.Token);
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => bench.Run.Quantize(x, q, new(1f, 0, 255), new MapShape(1, 1, 4, 1)));
        Assert.Throws<OperationCanceledException>(() => bench.Run.Begin(1, default, source.Token));
        Assert.Throws<ArgumentException>(() => bench.Run.Begin(3, default, default));
        Assert.Throws<ArgumentException>(() => bench.Run.Begin(2, [1], default));
        Assert.Throws<ArgumentException>(() => bench.Run.Begin(DrawnImage.Consecutive(2, 0, 0, 2f), default, default));
        Assert.Throws<ArgumentException>(() => bench.Run.Read(x, 16, new float[17]));
        Assert.Throws<ArgumentException>(() => bench.Run.Write(x, 16, new float[48]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CpuDevice(-1));
        bench.Run.Dispose();
        Assert.Throws<ObjectDisposedException>(() => bench.Run.Begin(1, default, default));
    }
}
