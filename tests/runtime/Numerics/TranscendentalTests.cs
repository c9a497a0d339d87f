using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Runtime.Tests.Numerics;

public class TranscendentalTests
{
    [Fact]
    public void ExpIsWithinAboutOneUlp() =>
        AssertUlps(1.1, Transcendental.Exp, Math.Exp, Range(-87.3f, 88.7f, 400_000));

    [Fact]
    public void LogIsWithinOneUlp()
    {
        AssertUlps(1, Transcendental.Log, Math.Log, Range(1e-3f, 4f, 400_000));
        AssertUlps(1, Transcendental.Log, Math.Log, Range(0, 1000, 1200).Select(e => MathF.ScaleB(1.37f, (int)(e / 4) - 126)));
        AssertUlps(1, Transcendental.Log, Math.Log, [float.Epsilon, 1e-40f, 5.9604645e-8f, 1 - 5.9604645e-8f, 1 + 1.1920929e-7f, float.MaxValue]);
    }

    [Fact]
    public void TurnsAreWithinTwoUlps()
    {
        var turns = Range(-2f, 2f, 400_000).ToArray();
        // Away from the zeros a double of the argument times 2π is exact enough to compare with; there, the tolerance is absolute.
        AssertUlps(2, t => Turns(t).Sin, t => Math.Sin(2 * Math.PI * t), turns, 2e-15);
        AssertUlps(2, t => Turns(t).Cos, t => Math.Cos(2 * Math.PI * t), turns, 2e-15);
        Assert.Equal((0f, 1f), Turns(0));
        Assert.Equal((1f, 0f), Turns(0.25f));
        Assert.Equal((-1f, 0f), Turns(-0.25f));
        Assert.Equal((0f, -1f), Turns(0.5f));
    }

    [Fact]
    public void SiluIsWithinFourUlps() =>
        AssertUlps(4, Transcendental.Silu, x => x / (1 + Math.Exp(-x)), Range(-80f, 80f, 400_000));

    [Fact]
    public void SiluIsItsFormulaBitForBit()
    {
        float[] all = [.. Range(-91f, 91f, 400_000), .. Range(-89.1f, -86.9f, 100_000), .. Range(86.9f, 89.1f, 100_000), -1000f, 1000f, 0f, -0f, 1e-40f, -1e-40f, float.PositiveInfinity];
        float[] run = [.. all];
        unsafe
        {
            fixed (float* x = run) Transcendental.Silu(x, run.Length);
        }

        for (int i = 0; i < all.Length; i++)
        {
            float x = all[i];
            int expected = BitConverter.SingleToInt32Bits(x / (1 + Transcendental.Exp(-x)));
            Assert.True(expected == BitConverter.SingleToInt32Bits(Transcendental.Silu(x)), $"{x:R}");
            Assert.True(expected == BitConverter.SingleToInt32Bits(run[i]), $"{x:R} in a run");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(23)]
    [InlineData(1029)]
    public unsafe void ARunOfSilusLeavesWhatFollowsAlone(int count)
    {
        float[] run = [.. Range(-5f, 5f, count), .. Enumerable.Repeat(7f, 8)];
        float[] expected = [.. run.Select((x, i) => i < count ? Transcendental.Silu(x) : x)];
        fixed (float* x = run) Transcendental.Silu(x, count);
        Assert.Equal(expected, run);
    }

    /// <summary>In vectors of 512 bits, on any processor, every lane has the bits that it has in those of 256.</summary>
    [Fact]
    public unsafe void WideVectorsGiveTheSameBits()
    {
        float[] all = [.. Range(-110f, 95f, 100_003), .. Range(-5f, 5f, 100_000), 0f, -0f, 1e-40f, float.PositiveInfinity, float.NegativeInfinity];
        float[] silus = [.. all];
        int done;
        fixed (float* x = silus) done = Transcendental.WideSilu(x, silus.Length);
        Assert.Equal(all.Length & ~15, done);
        for (int i = 0; i + 16 <= all.Length; i += 16)
        {
            Vector512<float> x = Vector512.Create<float>(all.AsSpan(i, 16));
            Vector512<int> exp = Transcendental.Exp(x).AsInt32(), gelu = Transcendental.Gelu(x).AsInt32();
            for (int lane = 0; lane < 16; lane++)
            {
                Assert.Equal(BitConverter.SingleToInt32Bits(Transcendental.Exp(x[lane])), exp[lane]);
                if (float.IsInfinity(x[lane])) continue; // Of −∞ both are NaN, whose bits are unspecified.
                Assert.Equal(BitConverter.SingleToInt32Bits(Transcendental.Gelu(Vector256.Create(x[lane])).ToScalar()), gelu[lane]);
                Assert.Equal(BitConverter.SingleToInt32Bits(Transcendental.Silu(x[lane])), BitConverter.SingleToInt32Bits(silus[i + lane]));
            }
        }

        Assert.Equal(all[done..], silus[done..]);
    }

    [Fact]
    public void ResultsSaturate()
    {
        Assert.Equal(float.PositiveInfinity, Transcendental.Exp(88.8f));
        Assert.Equal(float.PositiveInfinity, Transcendental.Exp(float.PositiveInfinity));
        Assert.Equal(0f, Transcendental.Exp(-104f));
        Assert.Equal(0f, Transcendental.Exp(float.NegativeInfinity));
        Assert.Equal(1f, Transcendental.Exp(0));
        Assert.InRange(Transcendental.Exp(-100f), float.Epsilon, 1e-43f);
        Assert.Equal(0f, Transcendental.Log(1));
        Assert.Equal(float.NegativeInfinity, Transcendental.Log(0));
        Assert.Equal(float.NegativeInfinity, Transcendental.Log(-0f));
        Assert.Equal(float.PositiveInfinity, Transcendental.Log(float.PositiveInfinity));
        Assert.Equal(0f, Transcendental.Silu(-200f));
        Assert.Equal(200f, Transcendental.Silu(200f));
        Assert.Equal(float.NaN, Transcendental.Log(-1));
        Assert.Equal(float.NaN, Transcendental.Log(float.NaN));
        Assert.Equal(float.NaN, Transcendental.Exp(float.NaN));
        Assert.Equal(float.NaN, Transcendental.Silu(float.NaN));
        Assert.Equal(float.NaN, Turns(float.NaN).Sin);
        Assert.Equal(float.NaN, Turns(float.NaN).Cos);
    }

    /// <summary>These bits were recorded once; every instruction set and operating system must repeat them.</summary>
    [Fact]
    public void BitsAreTheSameEverywhere()
    {
        var hash = new HashCode64();
        foreach (var x in Range(-110f, 95f, 20_000))
        {
            hash.Add(Transcendental.Exp(x));
            hash.Add(Transcendental.Silu(x));
            hash.Add(Transcendental.Log(MathF.Abs(x)));
            hash.Add(Turns(x).Sin);
            hash.Add(Turns(x).Cos);
        }
        Assert.Equal(12286688971980984826, hash.Value);
    }

    [Fact]
    public void EveryLaneAgreesWithTheScalar()
    {
        var x = Vector256.Create(-103.5f, -12.25f, -0.3f, 1e-30f, 0.7f, 3f, 42f, 88.9f);
        var (exp, log, silu, (sin, cos)) = (Transcendental.Exp(x), Transcendental.Log(x), Transcendental.Silu(x), Transcendental.SinCosTurns(x));
        for (var lane = 0; lane < 8; lane++)
        {
            Assert.Equal(Transcendental.Exp(x[lane]), exp[lane]);
            Assert.Equal(Transcendental.Log(x[lane]), log[lane]);
            Assert.Equal(Transcendental.Silu(x[lane]), silu[lane]);
            Assert.Equal(Turns(x[lane]), (sin[lane], cos[lane]));
        }
    }

    private static (float Sin, float Cos) Turns(float t)
    {
        var (sin, cos) = Transcendental.SinCosTurns(Vector256.Create(t));
        return (sin[0], cos[0]);
    }

    private static IEnumerable<float> Range(float from, float to, int count) =>
        Enumerable.Range(1, count - 1).Select(i => from + (to - from) * i / count);

    private static void AssertUlps(double allowed, Func<float, float> f, Func<double, double> exact, IEnumerable<float> inputs, double absolute = 0)
    {
        var (worst, at) = (0.0, 0f);
        foreach (var x in inputs)
        {
            var y = exact(x);
            var ulp = Math.Max(MathF.BitIncrement(MathF.Abs((float)y)) - MathF.Abs((float)y), float.Epsilon);
            var error = Math.Max(Math.Abs(f(x) - y) - absolute, 0) / ulp;
            if (!(error <= worst))
                (worst, at) = (error, x);
        }
        Assert.True(worst <= allowed, $"{worst:F2} ulp at {at:R}");
    }
}
