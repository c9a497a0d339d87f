using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>q = round(clamp(x·(1/scale), −z, levels − z)) + z, ties to even; not-a-number becomes z.</summary>
/// <param name="to">Scale, z and levels.</param>
/// <param name="centred">True for q − z, which needs two bytes an element.</param>
internal readonly unsafe partial struct AffineQuantizer(Quantization to, bool centred = false)
{
    // Adding 1.5·2^23 leaves no fraction bits, so the addition itself rounds, ties to even; the integer is in the low bits.
    private const float RoundingBias = 12582912f;

    private readonly float _inverse = 1f / to.Scale;
    private readonly float _least = -to.ZeroPoint;
    private readonly float _most = to.Levels - to.ZeroPoint;
    private readonly int _zeroPoint = centred ? 0 : to.ZeroPoint;

    /// <summary>The plain form.</summary>
    public int Round(float x)
    {
        x *= _inverse;
        return float.IsNaN(x) ? _zeroPoint : (int)MathF.Round(Math.Clamp(x, _least, _most)) + _zeroPoint;
    }

    /// <summary>Stores one element of one or two bytes.</summary>
    public static void Store(int q, byte* destination, int elementSize)
    {
        if (elementSize == 2) *(short*)destination = (short)q;
        else *destination = (byte)q;
    }

    /// <summary>Quantizes pixels; the elements that fill a pixel up to a multiple of four become 0 (they meet zero weights).</summary>
    [MethodImpl(Jit.Kernel)]
    public void Pixels(float* x, byte* q, int pixels, int channels, int elementSize)
    {
        bool dense = channels % 4 == 0;
        if (dense) (pixels, channels) = (1, pixels * channels); // Nothing lies between pixels.
        if (dense && channels >= 16 && WideVectors.Pay)
        {
            WidePixels(x, q, channels, elementSize);
            return;
        }

        var lanes = new Lanes(this);
        int padded = (channels + 3) & ~3;
        for (int pixel = 0; pixel < pixels; pixel++, x += channels, q += padded * elementSize)
        {
            for (int next = 0; channels >= 16 && next < channels; next += 16)
            {
                int c = Math.Min(next, channels - 16); // The last sixteen may overlap those before.
                Lanes.Store(lanes.Round(Vector256.Load(x + c)), lanes.Round(Vector256.Load(x + c + 8)), q + c * elementSize, elementSize);
            }

            for (int c = channels >= 16 ? channels : 0; c < padded; c++)
                Store(c < channels ? Round(x[c]) : 0, q + c * elementSize, elementSize);
        }
    }

    /// <summary>The constants in all lanes. No more than four fields, so that the compiler keeps each in a register.</summary>
    internal readonly struct Lanes(AffineQuantizer q)
    {
        private readonly Vector256<float> _inverse = Vector256.Create(q._inverse);
        private readonly Vector256<float> _least = Vector256.Create(q._least);
        private readonly Vector256<float> _most = Vector256.Create(q._most);
        private readonly Vector256<int> _back = Vector256.Create(q._zeroPoint - BitConverter.SingleToInt32Bits(RoundingBias));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<int> Round(Vector256<float> x)
        {
            x *= _inverse;
            x &= Vector256.Equals(x, x);
            x = Vector256.MinNative(Vector256.MaxNative(x, _least), _most);
            return (x + Vector256.Create(RoundingBias)).AsInt32() + _back;
        }

        /// <summary>Stores sixteen elements. They are in [0, 255], or within ±255 in two bytes, so saturating and truncating agree.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector256<int> low, Vector256<int> high, byte* destination, int elementSize)
        {
            // The instruction packs within 128-bit halves: low0 high0 low1 high1. The permutation puts the quarters in order.
            Vector256<short> words = Avx2.IsSupported
                ? Avx2.Permute4x64(Avx2.PackSignedSaturate(low, high).AsInt64(), 0b11_01_10_00).AsInt16()
                : Vector256.Narrow(low, high);
            if (elementSize == 2) words.Store((short*)destination);
            else if (Sse2.IsSupported) Sse2.PackUnsignedSaturate(words.GetLower(), words.GetUpper()).Store(destination);
            else Vector128.Narrow(words.GetLower(), words.GetUpper()).AsByte().Store(destination);
        }
    }
}
