using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Runtime.Tests.Numerics;

public class NoiseTests
{
    /// <summary>Known answers of the Random123 distribution (kat_vectors, philox4x32 10).</summary>
    [Theory]
    [InlineData(0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)]
    [InlineData(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)]
    [InlineData(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1)]
    public void PhiloxGivesTheKnownAnswers(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint w0, uint w1, uint w2, uint w3)
    {
        var key = (ulong)k1 << 32 | k0;
        Assert.Equal((w0, w1, w2, w3), Philox.Words(c0, c1, c2, c3, key));
        var (v0, v1, v2, v3) = Philox.Words(Vector256.Create(c0), Vector256.Create(c1), Vector256.Create(c2), Vector256.Create(c3), key);
        Assert.Equal((Vector256.Create(w0), Vector256.Create(w1), Vector256.Create(w2), Vector256.Create(w3)), (v0, v1, v2, v3));
    }

    [Fact]
    public void LanesAgreeWithTheScalar()
    {
        var counter = Vector256.Create(0u, 1, 2, 3, 0x80000000, 0xFFFFFFFF, 12345, 0xCAFEBABE);
        var (w0, w1, w2, w3) = Philox.Words(counter, counter + counter, ~counter, counter ^ Vector256.Create(7u), 0x0123456789ABCDEF);
        for (var i = 0; i < 8; i++)
        {
            var c = counter[i];
            Assert.Equal(Philox.Words(c, c + c, ~c, c ^ 7, 0x0123456789ABCDEF), (w0[i], w1[i], w2[i], w3[i]));
        }
    }

    /// <summary>The definition, element by element, in plain code.</summary>
    [Fact]
    public void NoiseFollowsItsDefinition()
    {
        const ulong Seed = 0xDEADBEEF00000001;
        const long Image = 0x500000007;
        var noise = new float[101];
        GaussianNoise.Fill(noise, Seed, Image, 3, 39);
        for (var i = 0; i < noise.Length; i++)
        {
            var e = 39 + i;
            var (w0, w1, w2, w3) = Philox.Words((uint)(e / 4), 3, 7, 5, Seed);
            var (radiusWord, angleWord) = e % 4 < 2 ? (w0, w1) : (w2, w3);
            var radius = MathF.Sqrt(-2 * Transcendental.Log(Uniform(radiusWord)));
            var (sin, cos) = Transcendental.SinCosTurns(Vector256.Create(Uniform(angleWord)));
            Assert.Equal(radius * (e % 2 == 0 ? cos : sin)[0], noise[i]);
        }

        static float Uniform(uint word) => (2 * (word >> 9) + 1) / (float)(1 << 24);
    }

    [Fact]
    public void SplittingARangeChangesNothing()
    {
        var whole = new float[257];
        GaussianNoise.Fill(whole, 5, 6, GaussianNoise.InitialState);
        foreach (var size in new[] { 1, 3, 31, 32, 33, 100 })
        {
            var parts = new float[whole.Length];
            for (var at = 0; at < parts.Length; at += size)
                GaussianNoise.Fill(parts.AsSpan(at, Math.Min(size, parts.Length - at)), 5, 6, GaussianNoise.InitialState, at);
            Assert.Equal(whole, parts);
        }
    }

    [Fact]
    public void EveryPartOfTheKeyMatters()
    {
        var seen = new HashSet<float>();
        foreach (var seed in new ulong[] { 0, 1, 1UL << 32 })
        {
            foreach (var image in new[] { 0, 1, 1L << 32 })
            {
                foreach (var step in new[] { GaussianNoise.InitialState, 0, 1 })
                {
                    var one = new float[1];
                    GaussianNoise.Fill(one, seed, image, step, 0);
                    Assert.True(seen.Add(one[0]));
                }
            }
        }
    }

    [Fact]
    public void RangesBeyondTheCounterAreRefused()
    {
        var two = new float[2];
        GaussianNoise.Fill(two, 0, 0, 0, (1L << 34) - 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => GaussianNoise.Fill(two, 0, 0, 0, (1L << 34) - 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => GaussianNoise.Fill(two, 0, 0, 0, -1));
    }

    /// <summary>Standard errors over 2^20 draws: mean 0.001, variance 0.0014, kurtosis 0.005. The bounds are six of them.</summary>
    [Fact]
    public void TheMomentsAreNormal()
    {
        var noise = new float[1 << 20];
        GaussianNoise.Fill(noise, 2026, 0, 0);
        var mean = noise.Average(x => (double)x);
        var variance = noise.Average(x => Math.Pow(x - mean, 2));
        var skewness = noise.Average(x => Math.Pow(x - mean, 3)) / Math.Pow(variance, 1.5);
        var kurtosis = noise.Average(x => Math.Pow(x - mean, 4)) / (variance * variance);
        Assert.InRange(mean, -0.006, 0.006);
        Assert.InRange(variance, 0.9915, 1.0085);
        Assert.InRange(skewness, -0.0145, 0.0145);
        Assert.InRange(kurtosis, 2.97, 3.03);
        Assert.InRange(noise.Count(x => MathF.Abs(x) > 3) / (double)noise.Length, 0.0024, 0.0030);
        // Box and Muller's pairs, and neighbours across pairs, do not correlate.
        Assert.InRange(noise.Zip(noise.Skip(1), (x, y) => (double)x * y).Average(), -0.006, 0.006);
        Assert.InRange(noise.Zip(noise.Skip(1), (x, y) => (double)x * x * y * y).Average(), 0.97, 1.03);
    }

    /// <summary>Recorded once; see <see cref="TranscendentalTests.BitsAreTheSameEverywhere"/>.</summary>
    [Fact]
    public void BitsAreTheSameEverywhere()
    {
        var noise = new float[100_000];
        GaussianNoise.Fill(noise, 42, 7, 3);
        var hash = new HashCode64();
        foreach (var x in noise)
            hash.Add(x);
        Assert.Equal(17173371148509420335, hash.Value);
    }
}
