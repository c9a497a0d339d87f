using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>One solver step of the drawn images, in place. An item is a run of elements of one image.</summary>
internal unsafe struct SolverWork : IWork
{
    public const int ItemElements = 1024;

    public int Elements, Images, Step;
    /// <summary>Under guidance the unconditional half's latents repeat the conditional ones.</summary>
    public bool Twice;
    public byte* Latent, Epsilon;
    public long LatentStride, EpsilonStride;
    public SolverCoefficients Coefficients;
    public float Sigma;
    public ulong Seed;
    public long FirstImage;

    public readonly int ItemsPerImage => (Elements + ItemElements - 1) / ItemElements;

    [SkipLocalsInit]
    public readonly void Execute(int begin, int end, int worker)
    {
        float* noise = stackalloc float[ItemElements];
        for (int item = begin; item < end; item++)
        {
            int image = item / ItemsPerImage, first = item % ItemsPerImage * ItemElements, count = Math.Min(ItemElements, Elements - first);
            if (Sigma != 0f) GaussianNoise.Fill(new Span<float>(noise, count), Seed, FirstImage + image, Step, first);
            float* x = (float*)(Latent + image * LatentStride) + first;
            Advance(x, (float*)(Epsilon + image * EpsilonStride) + first, Sigma == 0f ? null : noise, count);
            if (Twice) new ReadOnlySpan<float>(x, count).CopyTo(new Span<float>((byte*)x + Images * LatentStride, count));
        }
    }

    [MethodImpl(Jit.Kernel)]
    private readonly void Advance(float* x, float* m, float* noise, int count)
    {
        Vector256<float> x0x = Vector256.Create(Coefficients.X0FromSample), x0m = Vector256.Create(Coefficients.X0FromModel), clip = Vector256.Create(Coefficients.Clip);
        Vector256<float> fx0 = Vector256.Create(Coefficients.FromX0), fx = Vector256.Create(Coefficients.FromSample), fm = Vector256.Create(Coefficients.FromModel);
        int i = 0;
        for (; i <= count - 8; i += 8)
        {
            Vector256<float> sample = Vector256.Load(x + i), model = Vector256.Load(m + i);
            Vector256<float> x0 = Vector256.FusedMultiplyAdd(x0m, model, x0x * sample);
            x0 = Vector256.Min(Vector256.Max(x0, -clip), clip);
            Vector256<float> next = Vector256.FusedMultiplyAdd(fx0, x0, Vector256.FusedMultiplyAdd(fx, sample, fm * model));
            if (noise != null) next = Vector256.FusedMultiplyAdd(Vector256.Create(Sigma), Vector256.Load(noise + i), next);
            next.Store(x + i);
        }

        for (; i < count; i++) x[i] = Advance(Coefficients, x[i], m[i], Sigma, noise == null ? 0f : noise[i]);
    }

    /// <summary>The plain form.</summary>
    public static float Advance(SolverCoefficients c, float sample, float model, float sigma, float noise)
    {
        float x0 = MathF.FusedMultiplyAdd(c.X0FromModel, model, c.X0FromSample * sample);
        x0 = MathF.Min(MathF.Max(x0, -c.Clip), c.Clip);
        float next = MathF.FusedMultiplyAdd(c.FromX0, x0, MathF.FusedMultiplyAdd(c.FromSample, sample, c.FromModel * model));
        return sigma == 0f ? next : MathF.FusedMultiplyAdd(sigma, noise, next);
    }
}
