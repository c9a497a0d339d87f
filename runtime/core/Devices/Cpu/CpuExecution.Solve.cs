using Specializer.Kernels;
using Specializer.Numerics;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    private readonly NativeBuffer _offsets = new();

    /// <summary>σ' of the step being guided; not a number until <see cref="Guide"/> has run.</summary>
    private float _guidedSigma;

    internal override void Begin(Activation latent, int elements, RunParameters parameters, ReadOnlySpan<int> labels, CancellationToken cancellation)
    {
        if (!float.IsFinite(parameters.Guidance)) throw new ArgumentException($"Guidance {parameters.Guidance} is not a finite number.", nameof(parameters));
        Begin(checked(parameters.Guidance == 1f ? parameters.Images : 2 * parameters.Images), parameters, labels, cancellation);
        Map to = Floats(latent, elements);
        for (int image = 0; image < Batch; image++)
            GaussianNoise.Fill(new Span<float>(to.Image(image), elements), parameters.Seed, parameters.FirstImage + image % parameters.Images, GaussianNoise.InitialState);
    }

    public override void Guide<TShape>(Activation epsilon, in GuidanceMoments moments, TShape shape = default)
    {
        Enter();
        if (!Guided) return;
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        Map map = Floats(epsilon, pixels * channels);
        float* offsets = (float*)_offsets.Reserve(channels * sizeof(float));
        GuidanceCorrection correction = GuidanceCorrection.Of(moments, _run.Guidance, new Span<float>(offsets, channels));
        _guidedSigma = correction.Sigma;
        var work = new GuidanceWork
        {
            Images = DrawnImages, Elements = checked((int)(pixels * channels)), Channels = channels, Epsilon = map.Start, Stride = map.Stride,
            Guidance = _run.Guidance, Gain = correction.Gain, Offsets = offsets, CorrectMean = moments.CorrectMean,
        };
        Run(DrawnImages, ref work, Grain(pixels * channels, 0.5));
    }

    public override void Solve<TShape>(Activation latent, Activation epsilon, SolverCoefficients coefficients, float sigma, int step, TShape shape = default)
    {
        Enter();
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        if (Guided)
        {
            if (float.IsNaN(_guidedSigma)) throw new InvalidOperationException("Guide this step's output before solving: σ follows from its moments.");
            sigma = _guidedSigma;
            _guidedSigma = float.NaN;
        }

        Map x = Floats(latent, pixels * channels), m = Floats(epsilon, pixels * channels);
        var work = new SolverWork
        {
            Elements = checked((int)(pixels * channels)), Images = DrawnImages, Step = step, Twice = Guided,
            Latent = x.Start, LatentStride = x.Stride, Epsilon = m.Start, EpsilonStride = m.Stride,
            Coefficients = coefficients, Sigma = sigma, Seed = _run.Seed, FirstImage = _run.FirstImage,
        };
        Run(DrawnImages * work.ItemsPerImage, ref work);
    }
}
