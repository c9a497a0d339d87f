namespace Specializer.Kernels.Tests;

public class GroupNormTests
{
    private static readonly GroupNormShape[] Shapes =
    [
        new(5, 7, 32, 0, 8, 1e-5f, Nonlinearity.Silu, 1),
        new(1, 1, 16, 0, 4, 1e-6f, Nonlinearity.None, 2),
        new(9, 3, 37, 0, 1, 1e-5f, Nonlinearity.Silu, 1),
        new(6, 4, 24, 12, 4, 1e-5f, Nonlinearity.Silu, 1), // A group spans both maps.
        new(3, 5, 10, 35, 9, 1e-5f, Nonlinearity.None, 2),
        new(32, 32, 48, 16, 16, 1e-5f, Nonlinearity.Silu, 2),
        new(2, 3, 1029, 0, 3, 1e-5f, Nonlinearity.Silu, 1), // More channels than are taken together otherwise.
    ];

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Shapes.Length)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Results_equal_the_plain_loop(int index)
    {
        GroupNormShape s = Shapes[index];
        Quantization to = new(0.02f, 90, 255), skipTo = new(0.3f, 4, 15);
        foreach ((int threads, int batch) in ((int, int)[])[(1, 1), (2, 2), (5, 7), (5, 1)])
        {
            var random = new Random(3);
            int pixels = s.Height * s.Width, all = s.Channels + s.SkipChannels;
            float[] gamma = Values.Floats(random, all), beta = Values.Floats(random, all);
            float[][] first = Values.Images(random, batch, pixels * s.Channels, 5f), second = Values.Images(random, batch, pixels * s.SkipChannels, 2f);
            var blob = new TestBlob();
            NormWeights at = blob.AddNorm(gamma, beta);
            using var bench = new Bench(blob.Build(), threads, batch, arena: 4 << 20);
            Activation x = bench.Write(first), skip = s.SkipChannels == 0 ? default : bench.Write(second);
            int stored = pixels * ((s.Channels + 3) / 4 * 4) * s.ElementSize, skipStored = pixels * ((s.SkipChannels + 3) / 4 * 4) * s.ElementSize;
            Activation y = bench.Plan(4 * pixels * s.Channels), ySkip = bench.Plan(4 * pixels * s.SkipChannels), q = bench.Plan(stored), qSkip = bench.Plan(skipStored);
            bench.Run.NormalizeQuantize(at, x, q, to, skip, qSkip, skipTo, s);
            bench.Run.Normalize(at, x, y, skip, ySkip, s);
            float[][] actual = bench.Read(y, pixels * s.Channels);
            byte[][] quantized = bench.ReadBytes(q, stored);
            for (int n = 0; n < batch; n++)
            {
                (float[] expected, float[] expectedSkip) = Split(Reference.Normalize(Join(first[n], second[n], s), s.Height, s.Width, all, s.Groups,
                    s.Epsilon, gamma, beta, s.Nonlinearity == Nonlinearity.Silu), s);
                Values.Same(expected, actual[n]);
                Assert.Equal(Reference.Stored(Values.Quantized(expected, to), s.Channels, s.ElementSize), quantized[n]);
                if (s.SkipChannels == 0) continue;
                Values.Same(expectedSkip, bench.Read(ySkip, pixels * s.SkipChannels)[n]);
                Assert.Equal(Reference.Stored(Values.Quantized(expectedSkip, skipTo), s.SkipChannels, s.ElementSize), bench.ReadBytes(qSkip, skipStored)[n]);
            }

            // In place, as planned buffers may be.
            bench.Run.Normalize(at, x, x, skip, skip, s);
            for (int n = 0; n < batch; n++) Values.Same(actual[n], bench.Read(x, pixels * s.Channels)[n]);
        }
    }

    [Fact]
    public unsafe void Vectors_of_512_bits_give_the_same_sums()
    {
        const int width = 7, channels = 75, inVectors = 64;
        float[] row = Values.Floats(new Random(5), width * channels, 3f);
        double[] sums = new double[channels], squares = new double[channels];
        fixed (float* x = row)
        fixed (double* s = sums, q = squares)
        {
            Assert.Equal(inVectors, GroupNorm.WideSums(x, width, channels, s, q));
            for (int c = 0; c < inVectors; c++)
            {
                double sum, square;
                GroupNorm.SumChannel(x + c, width, channels, &sum, &square);
                Assert.Equal((sum, square), (s[c], q[c]));
            }
        }
    }

    [Fact]
    public void A_constant_group_has_no_variance()
    {
        var blob = new TestBlob();
        NormWeights at = blob.AddNorm([2f, 2f, 2f, 2f], [0.5f, 0.5f, 0.5f, 0.5f]);
        using var bench = new Bench(blob.Build(), 1, 1);
        Activation x = bench.Write(Enumerable.Repeat(0.1f, 36).ToArray());
        bench.Run.Normalize(at, x, x, shape: new GroupNormShape(3, 3, 4, 0, 2, 1e-5f, Nonlinearity.None, 1));
        Assert.All(bench.Read(x, 36)[0], v => Assert.Equal(0.5f, v, 1e-5f));
    }

    private static float[] Join(float[] first, float[] second, GroupNormShape s) =>
        Enumerable.Range(0, s.Height * s.Width).SelectMany(p => first.Skip(p * s.Channels).Take(s.Channels).Concat(second.Skip(p * s.SkipChannels).Take(s.SkipChannels))).ToArray();

    private static (float[], float[]) Split(float[] joined, GroupNormShape s)
    {
        int all = s.Channels + s.SkipChannels;
        return (joined.Where((_, i) => i % all < s.Channels).ToArray(), joined.Where((_, i) => i % all >= s.Channels).ToArray());
    }
}
