using System.Security.Cryptography;

namespace Specializer.Kernels.Tests;

public class DigestTests
{
    /// <summary>Every operation in one small network: the digest is the same on every machine, instruction set and width of vectors, or the arithmetic has changed.
    /// A deliberate change of docs/arithmetic.md changes it too; then the new value goes here.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void All_operations_together_keep_their_bits(bool wide)
    {
        var random = new Random(12);
        ConvolutionShape first = ConvolutionShape.Of(6, 6, 3, 24, 8), second = ConvolutionShape.Of(6, 6, 24, 24, 4, outputScale: 0.7071f), last = ConvolutionShape.Of(6, 6, 24, 3, 32);
        var blob = new TestBlob();
        ConvolutionWeights w8 = blob.Add(first, Values.Weights(random, 24 * 9 * 3, 8), Values.Floats(random, 24, 0.01f), Values.Floats(random, 24));
        ConvolutionWeights w4 = blob.Add(second, Values.Weights(random, 24 * 9 * 24, 4), Values.Floats(random, 24, 0.01f), Values.Floats(random, 24));
        ConvolutionWeights w32 = blob.Add(last, Values.Floats(random, 3 * 9 * 24, 0.1f), Values.Floats(random, 3));
        NormWeights norm = blob.AddNorm(Values.Floats(random, 24), Values.Floats(random, 24));
        var labelled = new EmbeddingShape(2, 8, 2, 24);
        EmbeddingWeights embedding = blob.AddEmbedding(labelled, Values.Floats(random, 16), Values.Floats(random, 16), Values.Floats(random, 192), Values.Floats(random, 24));
        using var bench = new Bench(blob.Build(), 3, 4, 24, wide: wide);
        Activation latent = bench.Plan(432), q = bench.Plan(36 * 24), x = bench.Plan(36 * 96), y = bench.Plan(36 * 96), epsilon = bench.Plan(432);
        bench.Run.Begin(DrawnImage.Consecutive(2, 42, 7, 1.5f), [0, 1, 1, 1], default);
        bench.Draw(latent, new MapShape(6, 6, 3, 1));
        float[] covariance = [1, 0.5f, 0.1f, 0, 0.5f, 1, 0, 0.1f, 0.1f, 0, 0.2f, 0.1f, 0, 0.1f, 0.1f, 0.2f], means = Values.Floats(random, 12, 0.1f);
        SolverRegister state = new(latent, bothHalves: true), prediction = new(epsilon), d = SolverRegister.Temporary(0), z = SolverRegister.Temporary(1);
        Quantization byInput = new(0.03f, 128, 255), byNorm = new(0.2f, 3, 15);
        for (int step = 0; step < 2; step++)
        {
            bench.Run.Embed(embedding, bench.Vectors, step, labelled);
            bench.Run.Quantize(latent, q, byInput, new MapShape(6, 6, 3, 2));
            bench.Run.Convolve(w8, q, byInput, x, 0, shape: first);
            bench.Run.NormalizeQuantize(norm, x, q, byNorm, shape: new GroupNormShape(6, 6, 24, 0, 4, 1e-5f, Nonlinearity.Silu, 1));
            bench.Run.Convolve(w4, q, byNorm, y, residual: x, shape: second);
            bench.Run.Attend(y, x, new AttentionShape(36, 2, 4));
            bench.Run.Normalize(norm, y, y, shape: new GroupNormShape(6, 6, 24, 0, 3, 1e-5f, Nonlinearity.Silu, 1));
            bench.Run.Convolve(w32, y, epsilon, shape: last);
            bench.Run.Guide(epsilon, new GuidanceMoments(covariance, means, 0.3f, 0.5f, true, MeanCorrectionKind.Divide, true), new MapShape(6, 6, 3, 1));
            bench.Run.Solve(step, [d.Set(1.1f * state + -0.3f * prediction), d.Clip(1f), z.Draw(step), state.Set(0.6f * state + 0.4f * d + new StepSigma(0f) * z)], new MapShape(6, 6, 3, 1));
        }

        byte[] result = [.. bench.ReadBytes(latent, 432).SelectMany(b => b), .. bench.ReadBytes(x, 36 * 32).SelectMany(b => b)];
        Assert.All(bench.Read(latent, 108).SelectMany(image => image), v => Assert.True(float.IsFinite(v)));
        Assert.Equal("2376EB682443925CD9EAC886A11B3EE4", Convert.ToHexString(SHA256.HashData(result))[..32]);
    }

    /// <summary>The same for attention with 8-bit products.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Quantized_attention_keeps_its_bits(bool wide)
    {
        using var bench = new Bench(new TestBlob().Build(), 3, 2, wide: wide);
        Activation qkv = bench.Write(Values.Images(new Random(13), 2, 45 * 3 * 2 * 18, 2f)), y = bench.Plan(4 * 45 * 2 * 18);
        bench.Run.Attend(qkv, y, new(0.013f, 140, 255), new(0.02f, 128, 255), new(0.011f, 0, 255), new AttentionShape(45, 2, 18));
        Assert.Equal("41283867BFF8E2313D53D1572B86D6E4", Convert.ToHexString(SHA256.HashData([.. bench.ReadBytes(y, 4 * 45 * 2 * 18).SelectMany(b => b)]))[..32]);
    }
}
