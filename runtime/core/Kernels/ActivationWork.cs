using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>y = f(x). An item is a block of pixels of one image.</summary>
internal unsafe struct ActivationWork : IWork
{
    public int Pixels;
    public Nonlinearity Function;
    public byte* X;
    public long XStride;
    public PixelSink Result;

    public readonly int BlocksPerImage => (Pixels + Result.Block - 1) / Result.Block;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int item = begin; item < end; item++)
        {
            int image = item / BlocksPerImage, first = item % BlocksPerImage * Result.Block, count = Math.Min(Result.Block, Pixels - first);
            Activations.Apply(Function, (float*)(X + image * XStride) + (long)first * Result.Channels, Result.Take(image, first, worker), count * Result.Channels);
            Result.Put(image, first, count, worker);
        }
    }
}

/// <summary>y = a·gelu(b). An item is a pixel of one image.</summary>
internal unsafe struct GateGeluWork : IWork
{
    public int Pixels;
    public byte* X;
    public long XStride;
    public PixelSink Result;

    public readonly void Execute(int begin, int end, int worker)
    {
        int channels = Result.Channels;
        for (int item = begin; item < end; item++)
        {
            int image = item / Pixels;
            long pixel = item % Pixels;
            float* a = (float*)(X + image * XStride) + pixel * 2 * channels, y = Result.Take(image, pixel, worker);
            int c = WideVectors.Pay ? Activations.WideGateGelu(a, y, channels) : 0;
            Activations.Apply(Nonlinearity.Gelu, a + channels + c, y + c, channels - c);
            for (; c <= channels - 8; c += 8) (Vector256.Load(a + c) * Vector256.Load(y + c)).Store(y + c);
            for (; c < channels; c++) y[c] = a[c] * y[c];
            Result.Put(image, pixel, 1, worker);
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

    /// <summary>y = a·gelu(b) in vectors of 512 bits; b follows a.</summary>
    /// <returns>For how many channels: a multiple of sixteen.</returns>
    [MethodImpl(Jit.Kernel)]
    public static int WideGateGelu(float* a, float* y, int channels)
    {
        int c = 0;
        for (; c <= channels - 16; c += 16) (Vector512.Load(a + c) * Transcendental.Gelu(Vector512.Load(a + channels + c))).Store(y + c);
        return c;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Apply(Nonlinearity function, Vector256<float> x) => function switch
    {
        Nonlinearity.Silu => Transcendental.Silu(x),
        Nonlinearity.Gelu => Transcendental.Gelu(x),
        Nonlinearity.QuickGelu => Transcendental.QuickGelu(x),
        Nonlinearity.Relu => Vector256.Max(x, default),
        Nonlinearity.Mish => Transcendental.Mish(x),
        Nonlinearity.Tanh => Transcendental.Tanh(x),
        _ => x,
    };
}
