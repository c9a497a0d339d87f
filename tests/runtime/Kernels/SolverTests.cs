using Specializer.Numerics;

namespace Specializer.Kernels.Tests;

public class SolverTests
{
    private static readonly MapShape Shape = new(23, 17, 3, 1); // More than one run of elements, and no multiple of eight.
    private static readonly SolverRegister D = SolverRegister.Temporary(0), Z = SolverRegister.Temporary(1);

    /// <summary>Sums of many terms with their target among them, clips, kept registers and noise that is read twice.</summary>
    [Fact]
    public void Statements_equal_the_plain_form_for_any_batch()
    {
        foreach ((int threads, int batch) in ((int, int)[])[(1, 1), (2, 2), (5, 7)])
        {
            float[][] epsilon = Values.Images(new Random(9), batch, Shape.Elements);
            using var bench = new Bench(new TestBlob().Build(), threads, batch);
            SolverRegister x = new(bench.Plan(4 * Shape.Elements), bothHalves: true), h = new(bench.Plan(4 * Shape.Elements)), m = new(bench.Write(epsilon));
            bench.Run.Begin(DrawnImage.Consecutive(batch, 77, 1000, 1f), default, default);
            bench.Draw(x.Buffer, Shape);
            bench.Run.Solve(4,
            [
                D.Set(1.3f * x + -0.8f * m), D.Clip(1f), h.Set(0.7f * D + 0.1f * m), Z.Draw(4),
                x.Set(0.1f * m + 0.55f * x + 0.4f * D + -0.2f * h + 0.3f * Z), x.Set(1f * x + 0.25f * Z),
            ], Shape);
            float[][] states = bench.Read(x.Buffer, Shape.Elements), kept = bench.Read(h.Buffer, Shape.Elements);
            float[] start = new float[Shape.Elements], noise = new float[Shape.Elements], state = new float[Shape.Elements], history = new float[Shape.Elements];
            for (int n = 0; n < batch; n++)
            {
                GaussianNoise.Fill(start, 77, 1000 + n, GaussianNoise.InitialState);
                GaussianNoise.Fill(noise, 77, 1000 + n, 4);
                for (int i = 0; i < state.Length; i++)
                {
                    float e = epsilon[n][i], d = Math.Clamp(Fma(-0.8f, e, 1.3f * start[i]), -1f, 1f);
                    history[i] = Fma(0.1f, e, 0.7f * d);
                    float next = Fma(0.3f, noise[i], Fma(-0.2f, history[i], Fma(0.4f, d, Fma(0.55f, start[i], 0.1f * e))));
                    state[i] = Fma(0.25f, noise[i], next);
                }

                Values.Same(state, states[n]);
                Values.Same(history, kept[n]);
            }
        }

        static float Fma(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);
    }

    /// <summary>Of what lies between, nothing is written, so that it takes no memory.</summary>
    [Fact]
    public void Maps_lie_beyond_two_gigabytes()
    {
        float[][] epsilon = Values.Images(new Random(9), 1, Shape.Elements);
        Values.Same(Solve(0), Solve((2L << 30) + 64));

        float[] Solve(long between)
        {
            using var bench = new Bench(new TestBlob().Build(), 1, 1, arena: (1 << 20) + between);
            SolverRegister m = new(bench.Write(epsilon));
            bench.Plan(between);
            SolverRegister x = new(bench.Plan(4 * Shape.Elements)), h = new(bench.Plan(4 * Shape.Elements));
            bench.Run.Begin(DrawnImage.Consecutive(1, 77, 1000, 1f), default, default);
            bench.Draw(x.Buffer, Shape);
            bench.Run.Solve(4, [h.Set(0.5f * m), x.Set(1.3f * x + -0.8f * h)], Shape);
            return bench.Read(x.Buffer, Shape.Elements)[0];
        }
    }

    [Fact]
    public void Learned_deviations_scale_the_noise()
    {
        float[][] variance = [.. Values.Images(new Random(4), 3, Shape.Elements).Select(v => Array.ConvertAll(v, MathF.Abs))];
        using var bench = new Bench(new TestBlob().Build(), 2, 3);
        SolverRegister x = new(bench.Plan(4 * Shape.Elements)), y = new(bench.Plan(4 * Shape.Elements)), v = new(bench.Write(variance));
        bench.Run.Begin(DrawnImage.Consecutive(3, 77, 1000, 1f), default, default);
        float[][] exponential = [], root = [];
        Solve(Z.ScaleByExponential(v, 0.7f, -1.5f), Z.ScaleByRoot(v));
        float[] noise = new float[Shape.Elements];
        for (int n = 0; n < 3; n++)
        {
            GaussianNoise.Fill(noise, 77, 1000 + n, 2);
            Values.Same([.. noise.Select((z, i) => z * Transcendental.Exp(MathF.FusedMultiplyAdd(0.7f, variance[n][i], -1.5f)))], exponential[n]);
            Values.Same([.. noise.Select((z, i) => z * MathF.Sqrt(variance[n][i]))], root[n]);
        }

        // c of both signs: the floor bites in places, in others nothing is taken off.
        foreach (float c in (float[])[0.1f, -0.1f])
        {
            Solve(Z.ScaleByExponential(v, 0.7f, -1.5f, new(c)), Z.ScaleByRoot(v, new(c)));
            for (int n = 0; n < 3; n++)
            {
                GaussianNoise.Fill(noise, 77, 1000 + n, 2);
                Values.Same([.. noise.Select((z, i) => z * Left(variance[n][i], c))], exponential[n]);
                Values.Same([.. noise.Select((z, i) => z * MathF.Sqrt(MathF.Max(variance[n][i] - c, 0)))], root[n]);
                Assert.Equal(c > 0, root[n].Any(value => value == 0) && exponential[n].Any(value => value == 0));
            }
        }

        void Solve(SolverStatement first, SolverStatement second)
        {
            bench.Run.Solve(2, [Z.Draw(2), first, x.Set(1f * Z), Z.Draw(2), second, y.Set(1f * Z)], Shape);
            (exponential, root) = (bench.Read(x.Buffer, Shape.Elements), bench.Read(y.Buffer, Shape.Elements));
        }
    }

    /// <summary>What is taken off a learned variance is each guided image's own, found with its σ' and used once.</summary>
    [Fact]
    public void What_is_removed_follows_each_images_guidance()
    {
        var random = new Random(4);
        float[] means = Values.Floats(random, 12, 0.1f), covariance = Covariance(random);
        using var bench = new Bench(new TestBlob().Build(), 2, 5);
        float[][] epsilon = Values.Images(random, 5, Shape.Elements), variance = Values.Images(random, 5, Shape.Elements);
        Activation e = bench.Write(epsilon);
        SolverRegister x = new(bench.Plan(4 * Shape.Elements)), y = new(bench.Plan(4 * Shape.Elements)), v = new(bench.Write(variance));
        DrawnImage[] images = [new(5, 0, 2.5f), new(5, 1, 0.5f), new(5, 2, 1f)];
        bench.Run.Begin(images, default, default);
        float[] noise = new float[Shape.Elements];
        foreach (bool corrects in (bool[])[true, false])
        {
            bench.Run.Guide(e, Moments(corrects), Shape);
            bench.Run.Solve(0, [Z.Draw(0), Z.ScaleByExponential(v, 0.7f, -1.5f, new(0.02f)), x.Set(1f * Z)], Shape);
            bench.Run.Guide(e, Moments(corrects), Shape);
            bench.Run.Solve(0, [Z.Draw(0), Z.ScaleByRoot(v, new(0.02f)), y.Set(1f * Z)], Shape);
            float[][] exponential = bench.Read(x.Buffer, Shape.Elements), root = bench.Read(y.Buffer, Shape.Elements);
            for (int n = 0; n < 3; n++)
            {
                float c = n == 2 ? 0.02f : GuidanceCorrection.Of(Moments(corrects), images[n].Guidance, new float[3]).Removed;
                Assert.Equal(n < 2 && !corrects, c == 0);
                GaussianNoise.Fill(noise, 5, n, 0);
                Values.Same([.. noise.Select((z, i) => z * Left(variance[n][i], c))], exponential[n]);
                Values.Same([.. noise.Select((z, i) => z * MathF.Sqrt(MathF.Max(variance[n][i] - c, 0)))], root[n]);
            }
        }

        Assert.Throws<InvalidOperationException>(() => bench.Run.Solve(0, [Z.Draw(0), Z.ScaleByRoot(v, new(0.02f)), x.Set(1f * Z)], Shape));

        GuidanceMoments Moments(bool corrects) => new(covariance, means, 0.5f, 0f, false, MeanCorrectionKind.Divide, corrects);
    }

    private static float Left(float v, float c)
    {
        float sigma = Transcendental.Exp(MathF.FusedMultiplyAdd(0.7f, v, -1.5f));
        return MathF.Sqrt(MathF.Max(MathF.FusedMultiplyAdd(sigma, sigma, -c), 0));
    }

    [Fact]
    public void A_blend_keeps_what_the_mask_leaves()
    {
        foreach ((int threads, int batch) in ((int, int)[])[(1, 1), (3, 5)])
        {
            var random = new Random(4);
            float[][] known = Values.Images(random, batch, Shape.Elements), state = Values.Images(random, batch, Shape.Elements), mask = [.. state.Select(s => Array.ConvertAll(s, v => v > 0 ? 1f : 0f))];
            using var bench = new Bench(new TestBlob().Build(), threads, batch);
            SolverRegister x = new(bench.Write(state)), k = new(bench.Write(known)), w = new(bench.Write(mask));
            bench.Run.Begin(DrawnImage.Consecutive(batch, 77, 1000, 1f), default, default);
            bench.Run.Solve(0, [D.Set(0.5f * k), x.Blend(D, w)], Shape);
            float[][] actual = bench.Read(x.Buffer, Shape.Elements);
            for (int n = 0; n < batch; n++)
                Values.Same([.. state[n].Select((v, i) => MathF.FusedMultiplyAdd(mask[n][i], v - 0.5f * known[n][i], 0.5f * known[n][i]))], actual[n]);
        }
    }

    /// <summary>s is the quantile of each image's |x| between 1 and the maximum, interpolated between neighbours.</summary>
    [Theory]
    [InlineData(0.5f, 100f, 2.5f)]
    [InlineData(0.9f, 100f, 4.5f)]
    [InlineData(0.9f, 1.5f, 1.5f)]
    [InlineData(0f, 100f, 1f)]
    public void A_threshold_follows_the_picture(float quantile, float maximum, float threshold)
    {
        float[] image = [0, -1, 2, -3, 4, -5], small = [.. image.Select(v => v / 100)];
        using var bench = new Bench(new TestBlob().Build(), 2, 2);
        Activation x = bench.Write(image, small);
        bench.Run.Threshold(0, new(x), quantile, maximum, new MapShape(2, 3, 1, 1));
        float[][] actual = bench.Read(x, 6);
        for (int i = 0; i < 6; i++) Assert.Equal(Math.Clamp(image[i], -threshold, threshold) / threshold, actual[0][i], 1e-6f);
        // Smaller than 1 a threshold is 1.
        Values.Same(small, actual[1]);
    }

    [Fact]
    public void Guidance_combines_corrects_and_keeps_both_halves_equal()
    {
        const int images = 3;
        const float g = 2.5f;
        var random = new Random(10);
        float[][] epsilon = Values.Images(random, 2 * images, Shape.Elements);
        float[] means = Values.Floats(random, 12, 0.1f);
        float[] covariance = Covariance(random);
        using var bench = new Bench(new TestBlob().Build(), 2, 2 * images);
        Activation latent = bench.Plan(4 * Shape.Elements), e = bench.Write(epsilon);
        SolverRegister x = new(latent, bothHalves: true);
        bench.Run.Begin(DrawnImage.Consecutive(images, 5, 0, g), default, default);
        bench.Draw(latent, Shape);
        Assert.Equal(2 * images, bench.Run.Batch);
        Assert.Throws<InvalidOperationException>(() => bench.Run.Solve(0, [x.Set(new StepSigma(0.2f) * x)], Shape));
        float[][] start = bench.Read(latent, Shape.Elements);
        bench.Run.Guide(e, new GuidanceMoments(covariance, means, 0.5f, 0.4f, false, MeanCorrectionKind.Divide, true), Shape);
        float[][] guided = bench.Read(e, Shape.Elements);
        bench.Run.Solve(0, [Z.Draw(0), x.Set(0.5f * x + 0.25f * new SolverRegister(e) + new StepSigma(99f) * Z)], Shape);
        float[][] end = bench.Read(latent, Shape.Elements);

        var offsets = new float[3];
        GuidanceCorrection correction = GuidanceCorrection.Of(new GuidanceMoments(covariance, means, 0.5f, 0.4f, false, MeanCorrectionKind.Divide, true), g, offsets);
        var noise = new float[Shape.Elements];
        for (int n = 0; n < images; n++)
        {
            Values.Same(start[n], start[n + images]);
            float[] expected = epsilon[n].Select((c, i) => MathF.FusedMultiplyAdd(
                MathF.FusedMultiplyAdd(g, c, (1f - g) * epsilon[n + images][i]), correction.Gain, offsets[i % 3])).ToArray();
            Values.Same(expected, guided[n]);
            GaussianNoise.Fill(noise, 5, n, 0);
            Values.Same(start[n].Select((v, i) => MathF.FusedMultiplyAdd(correction.Sigma, noise[i], MathF.FusedMultiplyAdd(0.25f, expected[i], 0.5f * v))).ToArray(), end[n]);
            Values.Same(end[n], end[n + images]);
        }

        // Used up.
        Assert.Throws<InvalidOperationException>(() => bench.Run.Solve(0, [x.Set(new StepSigma(0.2f) * x)], Shape));
    }

    /// <summary>Guidance scales of their own, and two images without: what an image gets is what it gets in a batch of its own.</summary>
    [Fact]
    public void Images_of_a_batch_have_seeds_and_guidance_of_their_own()
    {
        DrawnImage[] images = [new(5, 9, 2.5f), new(6, 1L << 40, 2.5f), new(5, 9, 0.5f), new(ulong.MaxValue, 0, 1f), new(5, 9, 1f)];
        const int guided = 3;
        var random = new Random(12);
        ConvolutionShape copy = ConvolutionShape.Of(Shape.Height, Shape.Width, 3, 3, 32, kernel: 1, before: 0, after: 0);
        var blob = new TestBlob();
        ConvolutionWeights weights = blob.Add(copy, [1f, 0, 0, 0, 1f, 0, 0, 0, 1f], new float[3]);
        float[][] input = Values.Images(random, images.Length + guided, Shape.Elements);
        float[] means = Values.Floats(random, 12, 0.1f), covariance = Covariance(random), offset = [0.1f, -0.2f, 0.3f];
        float[][] together = Step(images, input);

        for (int i = 0; i < images.Length; i++)
        {
            float[][] alone = Step([images[i]], i < guided ? [input[i], input[images.Length + i]] : [input[i]]);
            Values.Same(alone[0], together[i]);
            if (i < guided) Values.Same(alone[1], together[images.Length + i]);
        }

        using var bench = new Bench(blob.Build(), 1, 4);
        Assert.Throws<ArgumentException>(() => bench.Run.Begin([images[3], images[0]], default, default));

        float[][] Step(DrawnImage[] run, float[][] x)
        {
            using var bench = new Bench(blob.Build(), 3, x.Length);
            Activation from = bench.Write(x), epsilon = bench.Plan(4 * Shape.Elements), latent = bench.Plan(4 * Shape.Elements);
            SolverRegister state = new(latent, bothHalves: true);
            bench.Run.Begin(run, default, default);
            bench.Draw(latent, Shape);
            bench.Run.Convolve(weights, from, epsilon, correction: new Correction(1.25f, offset), shape: copy);
            bench.Run.Guide(epsilon, new GuidanceMoments(covariance, means, 0.5f, 0.4f, false, MeanCorrectionKind.Divide, true), Shape);
            bench.Run.Solve(0, [Z.Draw(0), state.Set(0.5f * state + 0.25f * new SolverRegister(epsilon) + new StepSigma(0.3f) * Z)], Shape);
            bench.Run.Threshold(0, state, 0.9f, 2f, Shape);
            return bench.Read(latent, Shape.Elements);
        }
    }

    [Fact]
    public void Moments_give_the_closed_form_of_a_known_error()
    {
        // Δ = 0.25·ε + 0.5 + residual of variance 0.04 in both branches alike: k = 0.25, μ = 0.5, σ_q² = 0.04 for any g (the weights sum to 1).
        float[] covariance =
        [
            2f, 2f, 0.5f, 0.5f,
            2f, 2f, 0.5f, 0.5f,
            0.5f, 0.5f, 0.165f, 0.165f,
            0.5f, 0.5f, 0.165f, 0.165f,
        ];
        float[] means = [0.8f, 0.8f, 0.7f, 0.7f];
        var offsets = new float[1];
        GuidanceCorrection all = GuidanceCorrection.Of(new GuidanceMoments(covariance, means, 0.5f, 0.3f, true, MeanCorrectionKind.Divide, true), 3f, offsets);
        Assert.Equal(0.8f, all.Gain, 1e-6f);
        Assert.Equal(-0.4f, offsets[0], 1e-6f);
        Assert.Equal(Math.Sqrt(0.09 - 0.25 * 0.04 / (1.25 * 1.25)), all.Sigma, 1e-6);
        Assert.Equal(0.25 * 0.04 / (1.25 * 1.25), all.Removed, 1e-6);

        GuidanceCorrection none = GuidanceCorrection.Of(new GuidanceMoments(covariance, means, 0.5f, 0.3f, true, MeanCorrectionKind.Off, false), 3f, offsets);
        Assert.Equal(new GuidanceCorrection(1f, 0.3f), none);
        Assert.Equal(0f, offsets[0]);

        foreach (int i in (int[])[2, 3, 6, 7, 8, 9, 12, 13]) covariance[i] *= -1;
        Assert.Equal(1f, GuidanceCorrection.Of(new GuidanceMoments(covariance, means, 0.5f, 0.3f, true, MeanCorrectionKind.Divide, false), 3f, offsets).Gain);
        Assert.Equal(1 / 0.75f, GuidanceCorrection.Of(new GuidanceMoments(covariance, means, 0.5f, 0.3f, false, MeanCorrectionKind.Divide, false), 3f, offsets).Gain, 1e-6f);

        // More noise than the step injects: nothing is left.
        Assert.Equal(0f, GuidanceCorrection.Of(new GuidanceMoments(covariance, means, 100f, 0.3f, false, MeanCorrectionKind.Divide, true), 3f, offsets).Sigma);
    }

    [Fact]
    public void A_correction_that_cannot_be_made_leaves_mean_and_noise_to_the_uncorrected_case()
    {
        // Δ = −0.9·ε + 0.5 + residual of variance 0.04: dividing by 0.1 would multiply the noise by ten.
        float[] covariance = [.. Enumerable.Range(0, 16).Select(i => (i / 8, i % 4 / 2) switch { (0, 0) => 2f, (1, 1) => 1.66f, _ => -1.8f })];
        var offsets = new float[1];
        GuidanceCorrection divide = Of(MeanCorrectionKind.Divide);
        Assert.Equal((1f, 0f), (divide.Gain, offsets[0]));
        Assert.Equal(Of(MeanCorrectionKind.Off), divide);
        Assert.Equal(Math.Sqrt(9 - 0.25 * 1.66), divide.Sigma, 1e-5);
        // The conditional mean: c = (2 − 1.8)/(2 − 3.6 + 1.66).
        GuidanceCorrection mmse = Of(MeanCorrectionKind.Mmse);
        Assert.Equal(0.2 / 0.06, mmse.Gain, 1e-4);
        Assert.Equal(0.8 - 0.2 / 0.06 * 0.9, offsets[0], 1e-4);
        // A constant prediction has none.
        Array.Clear(covariance);
        Assert.Equal((1f, 0f), (Of(MeanCorrectionKind.Mmse).Gain, offsets[0]));

        GuidanceCorrection Of(MeanCorrectionKind kind) => GuidanceCorrection.Of(new GuidanceMoments(covariance, [0.8f, 0.8f, 0.1f, 0.1f], 0.5f, 3f, false, kind, true), 3f, offsets);
    }

    /// <summary>A positive definite matrix, A·Aᵀ.</summary>
    private static float[] Covariance(Random random)
    {
        float[] a = Values.Floats(random, 16, 0.5f);
        return Enumerable.Range(0, 16).Select(i => Enumerable.Range(0, 4).Sum(j => a[i / 4 * 4 + j] * a[i % 4 * 4 + j])).ToArray();
    }
}
