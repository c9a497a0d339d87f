using System.Runtime.InteropServices;
using Specializer.Manifest;
using Specializer.Numerics;

namespace Specializer.Calibration;

/// <summary>What a network says of the variance of a step's noise, over many elements: the mean of s(v) in FP32, and how the quantized network's s(v̂) is spread, from which c follows (docs/method.md, "Corrections").</summary>
internal sealed class LearnedNoise
{
    // Bins are a 128th of an octave wide: the sign, the exponent and the first seven digits of an FP32 number.
    private const int BinShift = 16;

    private readonly Dictionary<int, (long Count, double Sum)> _bins = [];
    private long _count;
    private double _reference, _said;

    /// <summary>E[s(v)].</summary>
    public double Reference => _reference / _count;

    /// <summary>E[s(v̂)].</summary>
    public double Said => _said / _count;

    /// <summary>√s, or √max(s − c, 0), in the arithmetic that <see cref="Execution.Solve"/> states.</summary>
    public static float Deviation(LearnedSigmaStatement statement, float v)
    {
        if (statement is ExponentialSigmaStatement e)
        {
            float sigma = Transcendental.Exp(MathF.FusedMultiplyAdd(e.Slope.Single, v, e.Offset.Single));
            return e.Removed is { } removed ? MathF.Sqrt(MathF.Max(MathF.FusedMultiplyAdd(sigma, sigma, -removed.Single), 0)) : sigma;
        }

        return MathF.Sqrt(statement.Removed is { } less ? MathF.Max(v - less.Single, 0) : v);
    }

    /// <summary>Adds what both networks say of the same states.</summary>
    /// <param name="statement">What makes a deviation of it.</param>
    /// <param name="reference">v.</param>
    /// <param name="quantized">v̂, as many.</param>
    public void Add(LearnedSigmaStatement statement, ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
    {
        _count += reference.Length;
        for (int i = 0; i < reference.Length; i++)
        {
            double said = Variance(statement, quantized[i]);
            _reference += Variance(statement, reference[i]);
            _said += said;
            ref (long Count, double Sum) bin = ref CollectionsMarshal.GetValueRefOrAddDefault(_bins, BitConverter.SingleToInt32Bits((float)said) >> BinShift, out _);
            bin = (bin.Count + 1, bin.Sum + said);
        }
    }

    /// <summary>E[max(s(v̂) − c, 0)].</summary>
    public double Left(double removed) => _bins.Values.Sum(b => Math.Max(b.Sum - removed * b.Count, 0)) / _count;

    /// <summary>c, with which so much variance is left. Negative where more is left than the network says.</summary>
    /// <param name="left">E[max(s(v̂) − c, 0)]. Of less than 0 nothing is left, and c is at least what it would be without the floor: at another guidance it may be a share of that.</param>
    public double Removed(double left)
    {
        // The root lies where the bins above it alone give it: from the largest variances down.
        double removed = 0, sum = 0;
        long count = 0;
        foreach (var (_, (more, added)) in _bins.OrderByDescending(b => b.Key))
        {
            if (count > 0 && removed >= added / more) break;
            (sum, count) = (sum + added, count + more);
            removed = (sum - Math.Max(left, 0) * _count) / count;
        }

        return left > 0 ? removed : Math.Max(removed, Said - left);
    }

    /// <summary>s. A quantized network may say less than 0, which is no variance.</summary>
    private static double Variance(LearnedSigmaStatement statement, float v) => statement is RootSigmaStatement ? Math.Max(v, 0) : Math.Pow(Deviation(statement, v), 2);
}
