using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>y = f(x). An item is <see cref="Block"/> elements of one image.</summary>
internal unsafe struct ActivationWork : IWork
{
    public const int Block = 4096;

    public long Elements;
    public Nonlinearity Function;
    public byte* X, Y;
    public long XStride, YStride;

    public readonly int BlocksPerImage => (int)((Elements + Block - 1) / Block);

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int item = begin; item < end; item++)
        {
            int image = item / BlocksPerImage;
            long first = item % BlocksPerImage * (long)Block;
            Activations.Apply(Function, (float*)(X + image * XStride) + first, (float*)(Y + image * YStride) + first, (int)Math.Min(Block, Elements - first));
        }
    }
}

/// <summary>y = a·gelu(b). An item is a pixel of one image.</summary>
internal unsafe struct GateGeluWork : IWork
{
    public int Pixels, Channels;
    public byte* X, Y;
    public long XStride, YStride;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int item = begin; item < end; item++)
        {
            int image = item / Pixels;
            long pixel = item % Pixels;
            float* a = (float*)(X + image * XStride) + pixel * 2 * Channels, y = (float*)(Y + image * YStride) + pixel * Channels;
            Activations.Apply(Nonlinearity.Gelu, a + Channels, y, Channels);
            int c = 0;
            for (; c <= Channels - 8; c += 8) (Vector256.Load(a + c) * Vector256.Load(y + c)).Store(y + c);
            for (; c < Channels; c++) y[c] = a[c] * y[c];
        }
    }
}

/// <summary>Non-linearities over dense rows, eight elements a vector. The last ones go through the same function alone, so that an element's bits do not depend on its place.</summary>
internal static unsafe class Activations
{
    [MethodImpl(Jit.Kernel)]
    public static void Apply(Nonlinearity function, float* x, float* y, int count)
    {
        int i = 0;
        for (; i <= count - 8; i += 8) Apply(function, Vector256.Load(x + i)).Store(y + i);
        for (; i < count; i++) y[i] = Apply(function, Vector256.Create(x[i])).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Apply(Nonlinearity function, Vector256<float> x) => function switch
    {
        Nonlinearity.Silu => Transcendental.Silu(x),
        Nonlinearity.Gelu => Transcendental.Gelu(x),
        Nonlinearity.QuickGelu => Transcendental.QuickGelu(x),
        Nonlinearity.Relu => Vector256.Max(x, default),
        Nonlinearity.Mish => Transcendental.Mish(x),
        _ => x,
    };
}
