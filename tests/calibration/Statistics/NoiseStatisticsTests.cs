namespace Specializer.Calibration.Tests;

public class NoiseStatisticsTests
{
    private const int Channels = 3;

    [Fact]
    public void MomentsMatchDirectSumsHoweverTheyAreMerged()
    {
        var images = Images(40, offset: 1000); // Large means: uncentred sums would lose all digits of the noise.
        var merged = new JointMoments(Channels, 2);
        foreach (var (e, q) in images) merged.Merge(JointMoments.Of(e, q, Channels));
        var halves = new JointMoments(Channels, 2);
        var second = new JointMoments(Channels, 2);
        foreach (var (e, q) in images[..13]) halves.Merge(JointMoments.Of(e, q, Channels));
        foreach (var (e, q) in images[13..]) second.Merge(JointMoments.Of(e, q, Channels));
        halves.Merge(second);
        float[] epsilon = [.. images.SelectMany(i => i.Reference)], quantized = [.. images.SelectMany(i => i.Quantized)];
        for (int a = 0; a < 2; a++)
        {
            for (int b = 0; b < 2; b++)
            {
                double direct = Direct(epsilon, quantized, a, b);
                Assert.Equal(direct, merged.Covariance(a, b), 1e-9 + 1e-9 * Math.Abs(direct));
                Assert.Equal(direct, halves.Covariance(a, b), 1e-9 + 1e-9 * Math.Abs(direct));
            }
        }
    }

    [Fact]
    public void StateSurvivesACheckpoint()
    {
        var images = Images(4);
        var moments = new JointMoments(Channels, 2);
        foreach (var (e, q) in images[..2]) moments.Merge(JointMoments.Of(e, q, Channels));
        using var stream = new MemoryStream();
        moments.Write(new(stream));
        stream.Position = 0;
        JointMoments resumed = JointMoments.Read(new(stream), Channels, 2, moments.Count);
        foreach (var (e, q) in images[2..])
        {
            moments.Merge(JointMoments.Of(e, q, Channels));
            resumed.Merge(JointMoments.Of(e, q, Channels));
        }

        Assert.Equal(NoiseFit.Of(moments).K, NoiseFit.Of(resumed).K);
        Assert.Equal(NoiseFit.Of(moments).Bias, NoiseFit.Of(resumed).Bias);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1.7)]
    [InlineData(4)]
    public void JointMomentsGiveWhatADirectMeasurementAtThatGuidanceGives(double guidance)
    {
        var random = new Gaussian(9);
        var joint = new JointMoments(Channels, 4);
        var direct = new JointMoments(Channels, 2);
        for (int image = 0; image < 20; image++)
        {
            float[] shared = random.Values(60), u = Add(shared, random.Values(60, 0.3, 0.5)), c = Add(shared, random.Values(60, 0.3, -0.2));
            float[] qu = Add(u, Add(Scale(u, -0.1f), random.Values(60, 0.2, 0.05))), qc = Add(c, Add(Scale(c, 0.05f), random.Values(60, 0.1)));
            joint.Merge(JointMoments.Of(u, c, qu, qc, Channels));
            direct.Merge(JointMoments.Of(Guide(u, c, guidance), Guide(qu, qc, guidance), Channels));
        }

        NoiseFit expected = NoiseFit.Of(direct), actual = NoiseFit.Of(joint, guidance);
        Assert.Equal(expected.K, actual.K, 1e-6);
        Assert.Equal(expected.ResidualVariance, actual.ResidualVariance, 1e-6);
        Assert.Equal(expected.RSquared, actual.RSquared, 1e-5);
        Assert.Equal(expected.SnrDb, actual.SnrDb, 1e-4);
        for (int channel = 0; channel < Channels; channel++) Assert.Equal(expected.Bias[channel], actual.Bias[channel], 1e-6);
    }

    [Fact]
    public void StreamingIntervalsAreThoseOfDrawingTrajectoriesAgain()
    {
        var images = Images(60);
        JointMoments[] each = [.. images.Select(i => JointMoments.Of(i.Reference, i.Quantized, Channels))];
        var streaming = new ReplicatedMoments(Channels, 2, 60, 3);
        for (int first = 0; first < each.Length; first += 16) streaming.Add(first, [.. each.Skip(first).Take(16)]);
        Interval actual = streaming.Interval(m => NoiseFit.Of(m).K), expected = Bootstrap.Estimate(each.Length, chosen =>
        {
            var merged = new JointMoments(Channels, 2);
            foreach (int i in chosen) merged.Merge(each[i]);
            return NoiseFit.Of(merged).K;
        });
        double width = expected.High - expected.Low;
        Assert.Equal(expected.Value, actual.Value, 1e-12);
        Assert.Equal(expected.Low, actual.Low, 0.2 * width);
        Assert.Equal(expected.High, actual.High, 0.2 * width);

        using var stream = new MemoryStream();
        streaming.Write(new(stream));
        stream.Position = 0;
        var copy = new ReplicatedMoments(Channels, 2, 60, 3);
        int pixels = images[0].Reference.Length / Channels;
        copy.Read(new(stream), 0, 4, pixels);
        Assert.Equal(actual, copy.Interval(m => NoiseFit.Of(m).K));
        // Each sum says how many values it is of: 60 images, and of a replicate as many as its draws say.
        byte[] state = stream.ToArray();
        int bytes = sizeof(long) + sizeof(double) * Channels * 2 * 3, all = 3 * sizeof(int);
        foreach (int at in (int[])[all, all + bytes, all + 200 * bytes])
        {
            byte[] other = [.. state];
            BitConverter.GetBytes(BitConverter.ToInt64(other, at) + pixels).CopyTo(other, at);
            Refuse(other, pixels);
        }

        Refuse(state, pixels + 1);
        // Of few trajectories replicates are mostly the same: nothing is known.
        Assert.Equal(Interval.Unknown(0), new ReplicatedMoments(Channels, 2, Bootstrap.Fewest - 1, 3).Interval(m => NoiseFit.Of(m).K));

        static void Refuse(byte[] state, int pixels) =>
            Assert.Contains("values are expected", Assert.Throws<InvalidDataException>(() => new ReplicatedMoments(Channels, 2, 60, 3).Read(new(new MemoryStream(state)), 0, 4, pixels)).Message, StringComparison.Ordinal);
    }

    /// <summary>What a calibration is said to hold of them: so many sums, each as large as it is.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void What_replicates_take_is_known_before(int variables)
    {
        long sum = ReplicatedMoments.Bytes(Channels, variables, 1) / 2, before = 0;
        // What is made once for all is made in the first turn.
        for (int turn = 0; turn < 2; turn++)
        {
            var one = new ReplicatedMoments(Channels, variables, 16, 3);
            before = GC.GetAllocatedBytesForCurrentThread();
            one.Add(0, []);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, sum, sum + sum / 20);
        var moments = new ReplicatedMoments(Channels, variables, 16 * 20, 3);
        for (int unit = 0; unit < 20; unit++)
        {
            moments.Add(unit * 16, []);
            using var state = new MemoryStream();
            moments.Write(new(state));
            int sums = BitConverter.ToInt32(state.GetBuffer());
            Assert.InRange((sums + 1) * sum, 1, ReplicatedMoments.Bytes(Channels, variables, unit + 1));
        }
    }

    [Fact]
    public void FitRecoversWhatWasPutIn()
    {
        var random = new Gaussian(3);
        var moments = new JointMoments(Channels, 2);
        double[] means = [0.9, -0.4, 0.1], bias = [0.03, -0.05, 0.02];
        for (int image = 0; image < 200; image++)
        {
            var epsilon = new float[300 * Channels];
            var quantized = new float[epsilon.Length];
            for (int i = 0; i < epsilon.Length; i++)
            {
                double e = means[i % Channels] + random.Next();
                epsilon[i] = (float)e;
                quantized[i] = (float)(e + -0.15 * e + bias[i % Channels] + 0.1 * random.Next());
            }

            moments.Merge(JointMoments.Of(epsilon, quantized, Channels));
        }

        NoiseFit fit = NoiseFit.Of(moments);
        Assert.Equal(-0.15, fit.K, 0.002);
        Assert.Equal(0.01, fit.ResidualVariance, 0.0002);
        Assert.Equal(0.0225 / (0.0225 + 0.01), fit.RSquared, 0.01);
        for (int c = 0; c < Channels; c++) Assert.Equal(bias[c], fit.Bias[c], 0.002);
        Assert.Equal(20 * Math.Log10(fit.NormRatio), fit.SnrDb, 1e-9);
        Assert.Equal(fit.NoiseVariance, fit.With(0).ResidualVariance, 1e-12);
    }

    [Fact]
    public void NoNoiseAndNoSignalStayFinite()
    {
        var silent = JointMoments.Of(new float[30], new float[30], Channels);
        Assert.Equal((0, 0, 0), (NoiseFit.Of(silent).K, NoiseFit.Of(silent).RSquared, NoiseFit.Of(silent).ResidualVariance));
        Assert.True(double.IsPositiveInfinity(NoiseFit.Of(silent).SnrDb));
        float[] epsilon = new Gaussian(1).Values(30);
        Assert.True(double.IsPositiveInfinity(NoiseFit.Of(JointMoments.Of(epsilon, epsilon, Channels)).SnrDb));
    }

    [Fact]
    public void NormalityTellsNormalFromUniform()
    {
        var random = new Gaussian(5);
        Normality normal = Normality.Of([.. Enumerable.Range(0, 5000).Select(_ => 3 + 2 * random.Next())]);
        Assert.True(normal.PValue > 0.01 && Math.Abs(normal.ExcessKurtosis) < 0.2, normal.ToString());
        Normality uniform = Normality.Of([.. Enumerable.Range(0, 5000).Select(i => (double)i)]);
        Assert.Equal(-1.2, uniform.ExcessKurtosis, 0.01);
        Assert.True(uniform.PValue < 1e-10);
        Assert.Equal(1, Normality.Of([1, 1, 1]).PValue);
    }

    [Fact]
    public void TheResidualSampleIsBoundedAndSeesTheResidual()
    {
        const int images = 64;
        var random = new Gaussian(6);
        var sample = new ResidualSample(1000, images, 1);
        var moments = new JointMoments(Channels, 2);
        for (int image = 0; image < images; image++)
        {
            float[] epsilon = random.Values(300, 1, 5);
            var quantized = new float[300];
            for (int i = 0; i < 300; i++) quantized[i] = (float)(1.2 * epsilon[i] + 0.1 * (random.Next() > 0 ? 1 : -1));
            sample.Add(4, image, epsilon, quantized, Channels);
            moments.Merge(JointMoments.Of(epsilon, quantized, Channels));
        }

        Assert.Equal(1000, sample.Count);
        Normality residual = sample.Test(NoiseFit.Of(moments));
        Assert.Equal(-2, residual.ExcessKurtosis, 0.1); // ±0.1 with equal chance: kurtosis 1.
        using var stream = new MemoryStream();
        sample.Write(new(stream));
        stream.Position = 0;
        var copy = new ResidualSample(1000, images, 1);
        copy.Read(new(stream), Channels);
        Assert.Equal(residual, copy.Test(NoiseFit.Of(moments)));
    }

    private static List<(float[] Reference, float[] Quantized)> Images(int count, double offset = 0)
    {
        var random = new Gaussian(2);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            float[] e = random.Values(21, 1, offset);
            return (e, Add(e, random.Values(21, 0.1, 0.02)));
        })];
    }

    private static double Direct(float[] epsilon, float[] quantized, int a, int b)
    {
        double sum = 0;
        for (int c = 0; c < Channels; c++)
        {
            double[][] v =
            [
                [.. epsilon.Where((_, i) => i % Channels == c).Select(x => (double)x)],
                [.. quantized.Zip(epsilon, (q, e) => (double)q - e).Where((_, i) => i % Channels == c)],
            ];
            double ma = v[a].Average(), mb = v[b].Average();
            sum += v[a].Zip(v[b], (x, y) => (x - ma) * (y - mb)).Sum();
        }

        return sum / epsilon.Length;
    }

    private static float[] Add(float[] a, float[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static float[] Scale(float[] a, float factor) => Array.ConvertAll(a, x => x * factor);

    private static float[] Guide(float[] u, float[] c, double g) => [.. u.Zip(c, (x, y) => (float)((1 - g) * x + g * y))];
}
