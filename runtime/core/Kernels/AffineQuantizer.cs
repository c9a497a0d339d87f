using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Specializer.Kernels;

/// <summary>q = round(clamp(x·(1/scale), −z, levels − z)) + z, ties to even; not-a-number becomes z.</summary>
internal readonly unsafe struct AffineQuantizer(Quantization to)
{
    // Adding 1.5·2^23 leaves no fraction bits, so the addition itself rounds, ties to even; the integer is in the low bits.
    private const float RoundingBias = 12582912f;

    private readonly float _inverse = 1f / to.Scale;
    private readonly float _least = -to.ZeroPoint;
    private readonly float _most = to.Levels - to.ZeroPoint;
    private readonly int _zeroPoint = to.ZeroPoint;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<int> Round(Vector256<float> x)
    {
        x *= Vector256.Create(_inverse);
        x &= Vector256.Equals(x, x);
        x = Vector256.MinNative(Vector256.MaxNative(x, Vector256.Create(_least)), Vector256.Create(_most));
        return (x + Vector256.Create(RoundingBias)).AsInt32() + Vector256.Create(_zeroPoint - BitConverter.SingleToInt32Bits(RoundingBias));
    }

    /// <summary>The plain form.</summary>
    public int Round(float x)
    {
        x *= _inverse;
        return float.IsNaN(x) ? _zeroPoint : (int)MathF.Round(Math.Clamp(x, _least, _most)) + _zeroPoint;
    }

    /// <summary>Stores eight elements of one or two bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> q, byte* destination, int elementSize)
    {
        Vector128<short> words = Vector128.Narrow(q.GetLower(), q.GetUpper());
        if (elementSize == 2) words.Store((short*)destination);
        else Vector128.Narrow(words, words).AsByte().GetLower().Store(destination);
    }

    /// <summary>Stores one element.</summary>
    public static void Store(int q, byte* destination, int elementSize)
    {
        if (elementSize == 2) *(short*)destination = (short)q;
        else *destination = (byte)q;
    }

    /// <summary>Quantizes pixels; the elements that fill a pixel up to a multiple of four become 0 (they meet zero weights).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Pixels(float* x, byte* q, int pixels, int channels, int elementSize)
    {
        int padded = (channels + 3) & ~3;
        for (int pixel = 0; pixel < pixels; pixel++, x += channels, q += padded * elementSize)
        {
            int c = 0;
            for (; c <= channels - 8; c += 8) Store(Round(Vector256.Load(x + c)), q + c * elementSize, elementSize);
            for (; c < channels; c++) Store(Round(x[c]), q + c * elementSize, elementSize);
            for (; c < padded; c++) Store(0, q + c * elementSize, elementSize);
        }
    }
}
