using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Which weights in floating point are stored in FP16. They are computed with in FP32 either way, so that where FP16 has all their numbers, as of most published models, nothing
/// changes but their bytes.</summary>
/// <param name="tensors">FP32 tensors by name. Those of integer convolutions are not asked for, nor those that are known to have FP16's numbers; others once.</param>
internal sealed class HalfStorage(IReadOnlyDictionary<string, float[]> tensors)
{
    private readonly ConcurrentDictionary<string, Fit> _fits = new(StringComparer.Ordinal);

    private enum Fit
    {
        TooLarge,
        Rounded,
        Exact,
    }

    /// <summary>Whether an operation's weights are stored in FP16.</summary>
    public static bool IsHalf(Operation operation) => operation is ConvolutionOperation { WeightBits: 16 } or LookupOperation { TableBits: 16 };

    /// <summary>The little-endian bytes of a tensor: FP32, or FP16 where as many are asked for as that has.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="length">Bytes that its operation needs.</param>
    public static byte[] Bytes(float[] tensor, long length)
    {
        if (length != 2L * tensor.Length) return MemoryMarshal.AsBytes(tensor.AsSpan()).ToArray();
        var bytes = new byte[length];
        Span<Half> halves = MemoryMarshal.Cast<byte, Half>(bytes.AsSpan());
        for (int i = 0; i < tensor.Length; i++) halves[i] = (Half)tensor[i];
        return bytes;
    }

    /// <summary>A network stored as another of its operations is.</summary>
    public static Network Like(Network network, Network other)
    {
        HashSet<string> halves = [.. other.Operations.Where(IsHalf).Select(o => o.Name)];
        return Of(network, (operation, _) => halves.Contains(operation));
    }

    /// <summary>The network with those in FP16 that lose nothing.</summary>
    public Network Lossless(Network network) => Of(network, (_, tensor) => FitOf(tensor) == Fit.Exact);

    /// <summary>The network with all in FP16 that are not too large for it.</summary>
    public Network Rounded(Network network) => Of(network, (_, tensor) => FitOf(tensor) != Fit.TooLarge);

    // Factors of norms, biases and scales are small beside these.
    private static Network Of(Network network, Func<string, string, bool> isHalf) => network with
    {
        Operations = network.Operations.Select(o => o switch
        {
            ConvolutionOperation { IsInteger: false } c when isHalf(c.Name, $"{c.Name}.weight") => c with { WeightBits = 16 },
            LookupOperation l when isHalf(l.Name, $"{l.Name}.table") => l with { TableBits = 16 },
            _ => o,
        }).ToEquatableArray(),
    };

    private Fit FitOf(string tensor) => _fits.GetOrAdd(tensor, name => DeferredTensors.IsHalf(tensors, name) ? Fit.Exact : FitOf(tensors[name]));

    private static Fit FitOf(float[] tensor)
    {
        Fit fit = Fit.Exact;
        for (ReadOnlySpan<float> left = tensor; left.Length > 0;)
        {
            ReadOnlySpan<float> block = left[..Math.Min(left.Length, Vector256<float>.Count)];
            left = left[block.Length..];
            if (block.Length == Vector256<float>.Count && AreNormalHalves(Vector256.Create(block))) continue;
            foreach (float value in block)
            {
                var half = (Half)value;
                if (!Half.IsFinite(half)) return Fit.TooLarge;
                if ((float)half != value) fit = Fit.Rounded;
            }
        }

        return fit;
    }

    /// <summary>Whether each of eight numbers is zero, or one of FP16's normal numbers: from 2⁻¹⁴ to 65504, with zeros in the last 13 of 23 bits. Conversions have no lanes, and take far longer.</summary>
    private static bool AreNormalHalves(Vector256<float> values)
    {
        Vector256<uint> magnitudes = Vector256.Abs(values).AsUInt32();
        Vector256<uint> normal = Vector256.GreaterThanOrEqual(magnitudes, Vector256.Create(0x3880_0000u)) & Vector256.LessThanOrEqual(magnitudes, Vector256.Create(0x477F_E000u))
            & Vector256.Equals(magnitudes & Vector256.Create(0x1FFFu), Vector256<uint>.Zero);
        return (normal | Vector256.Equals(magnitudes, Vector256<uint>.Zero)) == Vector256<uint>.AllBitsSet;
    }
}
