using Specializer.Kernels.Tests;

namespace Specializer.Ilgpu.Tests;

public class OperationTests
{
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Quantization_agrees(Accelerator kind)
    {
        foreach ((int channels, int size) in ((int, int)[])[(1, 1), (3, 2), (8, 1), (37, 2)])
        {
            float[][] images = Values.Images(new Random(4), 2, 5 * 3 * channels, 30f);
            images[1][0] = float.NaN;
            images[1][^1] = float.PositiveInfinity;
            images[1][^2] = float.NegativeInfinity;
            using var pair = new Pair(kind, new TestBlob().Build(), 2);
            Activation x = pair.Write(images), q = pair.Plan(15 * 40 * 2);
            foreach (Quantization to in (Quantization[])[new(0.1f, 128, 255), new(1.7f, 0, 15), new(0.03f, 15, 15)])
            {
                pair.Do(run => run.Quantize(x, q, to, new MapShape(5, 3, channels, size)));
                pair.SameQuantized(q, 15, channels, size);
            }
        }
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Group_normalisation_agrees(Accelerator kind)
    {
        GroupNormShape[] shapes =
        [
            new(5, 7, 6, 0, 3, 1e-5f, Nonlinearity.Silu, 1),
            new(1, 1, 4, 0, 1, 1e-6f, Nonlinearity.None, 2),
            new(4, 6, 20, 10, 5, 1e-5f, Nonlinearity.Silu, 2),
            new(8, 8, 33, 31, 32, 1e-5f, Nonlinearity.None, 1),
            // One launch, also with a group over the border between the maps; then one map that is too large for it.
            new(5, 7, 8, 4, 3, 1e-5f, Nonlinearity.Silu, 2),
            new(3, 5, 20, 12, 4, 1e-5f, Nonlinearity.None, 1),
            new(65, 64, 4, 0, 1, 1e-5f, Nonlinearity.Silu, 1),
        ];
        foreach (GroupNormShape s in shapes)
        {
            const int batch = 2;
            var random = new Random(5);
            int pixels = s.Height * s.Width, all = s.Channels + s.SkipChannels;
            var blob = new TestBlob();
            NormWeights at = blob.AddNorm(Values.Floats(random, all), Values.Floats(random, all));
            using var pair = new Pair(kind, blob.Build(), batch);
            Activation x = pair.Write(Values.Images(random, batch, pixels * s.Channels, 3f)), y = pair.Plan(4 * pixels * s.Channels), q = pair.Plan(4 * pixels * (s.Channels + 3));
            Activation skip = pair.Write(Values.Images(random, batch, pixels * Math.Max(1, s.SkipChannels), 5f));
            Activation ySkip = pair.Plan(4 * pixels * Math.Max(1, s.SkipChannels)), qSkip = pair.Plan(4 * pixels * (s.SkipChannels + 3));
            Quantization to = new(0.02f, 100, 255), skipTo = new(0.3f, 5, 15);
            pair.Do(run => run.NormalizeQuantize(at, x, q, to, skip, qSkip, skipTo, s));
            pair.Do(run => run.Normalize(at, x, y, skip, ySkip, s));
            pair.Same(y, pixels * s.Channels);
            pair.SameQuantized(q, pixels, s.Channels, s.ElementSize);
            if (s.SkipChannels == 0) continue;
            pair.Same(ySkip, pixels * s.SkipChannels);
            pair.SameQuantized(qSkip, pixels, s.SkipChannels, s.ElementSize);
        }
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Attention_agrees(Accelerator kind)
    {
        foreach (AttentionShape s in (AttentionShape[])[new(1, 1, 1), new(7, 2, 5), new(49, 3, 8), new(64, 1, 33), new(122, 1, 68)])
        {
            using var pair = new Pair(kind, new TestBlob().Build(), 2);
            int elements = s.Tokens * s.Heads * s.HeadChannels;
            Activation qkv = pair.Write(Values.Images(new Random(6), 2, 3 * elements, 3f)), y = pair.Plan(4 * elements);
            pair.Do(run => run.Attend(qkv, y, s));
            pair.Same(y, elements);
        }
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Attention_in_integers_agrees(Accelerator kind)
    {
        foreach (AttentionShape s in (AttentionShape[])[new(1, 1, 1), new(7, 2, 5), new(49, 3, 8), new(64, 1, 33), new(70, 2, 68), new(122, 1, 110)])
        {
            using var pair = new Pair(kind, new TestBlob().Build(), 2);
            int elements = s.Tokens * s.Heads * s.HeadChannels;
            Activation qkv = pair.Write(Values.Images(new Random(6), 2, 3 * elements, 3f)), y = pair.Plan(4 * elements);
            // Ranges that clip, and zero points at both ends and between.
            Quantization query = new(0.02f, 120, 255), key = new(0.011f, 0, 255), value = new(0.025f, 255, 255);
            pair.Do(run => run.Attend(qkv, y, query, key, value, s));
            pair.Same(y, elements);
            pair.Do(run => run.Attend(qkv, y, value, query, key, s));
            pair.Same(y, elements);
        }
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Embedding_agrees(Accelerator kind)
    {
        var random = new Random(7);
        // More vectors than a group of threads takes at once.
        var s = new EmbeddingShape(4, 20, 3, 165);
        var blob = new TestBlob();
        EmbeddingWeights at = blob.AddEmbedding(s, Values.Floats(random, 80, 3f), Values.Floats(random, 60, 3f), Values.Floats(random, 165 * 20), Values.Floats(random, 165));
        using var pair = new Pair(kind, blob.Build(), 3, s.Vectors, [2, 0, 1]);
        pair.Do(run => run.Embed(at, pair.Vectors, 2, s));
        pair.Same(pair.Vectors, s.Vectors);
        foreach (Execution run in pair.Runs) Assert.Throws<ArgumentOutOfRangeException>(() => run.Embed(at, pair.Vectors, 4, s));
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Noise_and_solver_agree(Accelerator kind)
    {
        foreach (int channels in (int[])[1, 3, 4])
        {
            int elements = 7 * 5 * channels;
            var shape = new MapShape(7, 5, channels, 1);
            using var pair = new Pair(kind, new TestBlob().Build(), 3);
            Activation epsilon = pair.Write(Values.Images(new Random(8), 3, elements, 2f)), latent = pair.Plan(4 * elements);
            var parameters = DrawnImage.Consecutive(3, 0x1234_5678_9ABC_DEF0, (1L << 40) + 5, 1f);
            SolverRegister x = new(latent, bothHalves: true), m = new(epsilon), h = new(pair.Plan(4 * elements)), d = SolverRegister.Temporary(0), z = SolverRegister.Temporary(1);
            pair.Do(run =>
            {
                run.Begin(parameters, default, default);
                run.Solve(-1, [x.Draw(-1)], shape);
            });
            pair.Same(latent, elements);
            pair.Do(run => run.Solve(2,
            [
                d.Set(1.2f * x + -0.6f * m), d.Clip(1f), h.Set(0.5f * d + 0.1f * m), z.Draw(2), x.Set(0.02f * m + 0.5f * x + 0.4f * d + -0.1f * h + 0.3f * z), x.Set(1f * x + 0.2f * z),
            ], shape));
            pair.Same(latent, elements);
            pair.Same(h.Buffer, elements);
            pair.Do(run => run.Solve(3, [x.Set(0.9f * h + 0.1f * x)], shape));
            pair.Same(latent, elements);
            pair.Do(run => run.Solve(3, [z.Draw(3), z.ScaleByExponential(m, 0.4f, -1.2f), x.Set(0.9f * x + 0.3f * z)], shape));
            pair.Same(latent, elements);
            foreach (float c in (float[])[0.05f, -0.05f])
            {
                pair.Do(run => run.Solve(3, [z.Draw(3), z.ScaleByExponential(m, 0.4f, -1.2f, new(c)), d.Draw(4), d.ScaleByRoot(m, new(c)), x.Set(0.9f * x + 0.3f * z + 0.2f * d)], shape));
                pair.Same(latent, elements);
            }

            pair.Do(run => run.Solve(3, [z.Draw(-1), d.Set(0.8f * h + 0.6f * z), x.Blend(d, m)], shape));
            pair.Same(latent, elements);
            // The kernel divides, which OpenCL does not round as others do.
            pair.Do(run => run.Threshold(3, x, 0.8f, 1.2f, shape));
            pair.Same(latent, elements);
        }
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Guidance_agrees(Accelerator kind)
    {
        var random = new Random(9);
        float[] covariance = Values.Floats(random, 16), means = Values.Floats(random, 12, 0.1f);
        for (int i = 0; i < 4; i++) covariance[5 * i] = 2f;
        var shape = new MapShape(3, 5, 3, 1);
        using var pair = new Pair(kind, new TestBlob().Build(), 5);
        Activation epsilon = pair.Write(Values.Images(random, 5, 45, 2f)), latent = pair.Plan(4 * 45);
        SolverRegister x = new(latent, bothHalves: true), m = new(epsilon), z = SolverRegister.Temporary(0);
        pair.Do(run =>
        {
            // Two guided images, with scales and seeds of their own, and one without guidance.
            run.Begin([new(11, 0, 2.5f), new(12, 1L << 40, 0.5f), new(ulong.MaxValue, 3, 1f)], default, default);
            run.Solve(-1, [x.Draw(-1)], shape);
        });
        foreach (MeanCorrectionKind mean in (MeanCorrectionKind[])[MeanCorrectionKind.Divide, MeanCorrectionKind.Mmse, MeanCorrectionKind.Off])
        {
            pair.Do(run => run.Guide(epsilon, new(covariance, means, 0.3f, 0.8f, clampK: true, mean, mean != MeanCorrectionKind.Off), shape));
            pair.Same(epsilon, 45);
            pair.Do(run => run.Solve(0, [z.Draw(0), x.Set(0.5f * x + 0.4f * m + new StepSigma(123f) * z)], shape));
            pair.Same(latent, 45);
            // c of each image, and the calibrated one of that without guidance.
            pair.Do(run => run.Guide(epsilon, new(covariance, means, 0.3f, 0.8f, clampK: true, mean, mean != MeanCorrectionKind.Off), shape));
            pair.Do(run => run.Solve(0, [z.Draw(0), z.ScaleByExponential(m, 0.4f, -0.5f, new(0.05f)), x.Set(0.5f * x + 0.4f * z)], shape));
            pair.Same(latent, 45);
            pair.Do(run => run.Guide(epsilon, new(covariance, means, 0.3f, 0.8f, clampK: true, mean, mean != MeanCorrectionKind.Off), shape));
            pair.Do(run => run.Solve(0, [z.Draw(0), z.ScaleByRoot(m, new(0.05f)), x.Set(0.5f * x + 0.4f * z)], shape));
            pair.Same(latent, 45);
        }

        foreach (Execution run in pair.Runs)
            Assert.Throws<InvalidOperationException>(() => run.Solve(0, [x.Set(new StepSigma(0f) * x)], shape));
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Cancellation_and_disposal_are_seen(Accelerator kind)
    {
        var shape = new MapShape(1, 1, 4, 1);
        using var pair = new Pair(kind, new TestBlob().Build(), 1);
        using var source = new CancellationTokenSource();
        Activation x = pair.Plan(64), q = pair.Plan(64);
        pair.Other.Begin(1, default, source.Token);
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => pair.Other.Quantize(x, q, new(1f, 0, 255), shape));
        pair.Other.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pair.Other.Quantize(x, q, new(1f, 0, 255), shape));
    }
}
