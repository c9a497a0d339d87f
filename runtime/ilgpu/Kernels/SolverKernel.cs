using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct SolverArguments
{
    public MapDimensions Shape;
    /// <summary>Drawn images.</summary>
    public int Images;
    /// <summary>1 under guidance: the unconditional half's latents repeat the conditional ones.</summary>
    public int Twice;
    public BatchView<float> Latent, Epsilon;
    public float X0FromSample, X0FromModel, Clip, FromX0, FromSample, FromModel, Sigma;
    public NoiseKey Noise;
}

/// <summary>One solver step, with the noise drawn where it is used. An item is four elements: one Philox counter.</summary>
internal static class SolverKernel
{
    public static void Literal<TShape>(SolverArguments a) where TShape : struct, IMapShape => Run(a, default(TShape));

    public static void Dynamic(SolverArguments a) => Run(a, a.Shape);

    /// <summary>Fills the latent with unit noise.</summary>
    public static void Begin(SolverArguments a)
    {
        int elements = a.Shape.Height * a.Shape.Width * a.Shape.Channels, counters = (elements + 3) / 4;
        for (int item = Share.Start; item < a.Images * counters; item += Share.Step)
        {
            int image = item / counters, counter = item % counters;
            Quad<float> noise = DeviceNoise.Draw(a.Noise, image, counter);
            Store(a, image, 4 * counter, elements, noise.A);
            Store(a, image, 4 * counter + 1, elements, noise.B);
            Store(a, image, 4 * counter + 2, elements, noise.C);
            Store(a, image, 4 * counter + 3, elements, noise.D);
        }
    }

    private static void Run<TShape>(SolverArguments a, TShape shape)
        where TShape : struct, IMapShape
    {
        int elements = shape.Height * shape.Width * shape.Channels, counters = (elements + 3) / 4;
        for (int item = Share.Start; item < a.Images * counters; item += Share.Step)
        {
            int image = item / counters, counter = item % counters;
            Quad<float> noise = default;
            if (a.Sigma != 0f) noise = DeviceNoise.Draw(a.Noise, image, counter);
            Advance(a, image, 4 * counter, elements, noise.A);
            Advance(a, image, 4 * counter + 1, elements, noise.B);
            Advance(a, image, 4 * counter + 2, elements, noise.C);
            Advance(a, image, 4 * counter + 3, elements, noise.D);
        }
    }

    private static void Advance(SolverArguments a, int image, int element, int elements, float noise)
    {
        if (element >= elements) return;
        float sample = a.Latent.Image(image)[element], model = a.Epsilon.Image(image)[element];
        float x0 = ExactMath.FusedMultiplyAdd(a.X0FromModel, model, ExactMath.Multiply(a.X0FromSample, sample));
        if (x0 < -a.Clip) x0 = -a.Clip;
        if (x0 > a.Clip) x0 = a.Clip;
        float next = ExactMath.FusedMultiplyAdd(a.FromX0, x0,
            ExactMath.FusedMultiplyAdd(a.FromSample, sample, ExactMath.Multiply(a.FromModel, model)));
        if (a.Sigma != 0f) next = ExactMath.FusedMultiplyAdd(a.Sigma, noise, next);
        Store(a, image, element, elements, next);
    }

    private static void Store(SolverArguments a, int image, int element, int elements, float value)
    {
        if (element >= elements) return;
        a.Latent.Image(image)[element] = value;
        if (a.Twice != 0) a.Latent.Image(a.Images + image)[element] = value;
    }
}
