using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <content>The same in vectors of 512 bits.</content>
internal readonly unsafe partial struct AffineQuantizer
{
    /// <summary>Quantizes elements between which nothing lies, sixteen at least.</summary>
    [MethodImpl(Jit.Kernel)]
    internal void WidePixels(float* x, byte* q, int count, int elementSize)
    {
        var lanes = new WideLanes(this);
        for (int next = 0; next < count; next += 16)
        {
            int i = Math.Min(next, count - 16); // The last sixteen may overlap those before.
            Vector512<int> rounded = lanes.Round(Vector512.Load(x + i));
            if (elementSize == 2) Words(rounded).Store((short*)q + i);
            else Bytes(rounded).Store(q + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Words(Vector512<int> x) => Avx512F.IsSupported ? Avx512F.ConvertToVector256Int16(x) : Vector256.Narrow(x.GetLower(), x.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Bytes(Vector512<int> x)
    {
        if (Avx512F.IsSupported) return Avx512F.ConvertToVector128Byte(x);
        Vector256<short> words = Words(x);
        return Vector128.Narrow(words.GetLower(), words.GetUpper()).AsByte();
    }

    /// <summary><see cref="Lanes"/> of 512 bits.</summary>
    private readonly struct WideLanes(AffineQuantizer q)
    {
        private readonly Vector512<float> _inverse = Vector512.Create(q._inverse);
        private readonly Vector512<float> _least = Vector512.Create(q._least);
        private readonly Vector512<float> _most = Vector512.Create(q._most);
        private readonly Vector512<int> _back = Vector512.Create(q._zeroPoint - BitConverter.SingleToInt32Bits(RoundingBias));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<int> Round(Vector512<float> x)
        {
            x *= _inverse;
            x &= Vector512.Equals(x, x);
            x = Vector512.MinNative(Vector512.MaxNative(x, _least), _most);
            return (x + Vector512.Create(RoundingBias)).AsInt32() + _back;
        }
    }
}
