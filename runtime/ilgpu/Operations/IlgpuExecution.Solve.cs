using Specializer.Ilgpu.Kernels;
using Specializer.Kernels;
using Specializer.Numerics;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    /// <summary>σ' of the step being guided; not a number until <see cref="Guide"/> has run.</summary>
    private float _guidedSigma;

    internal override void Begin(Activation latent, int elements, RunParameters parameters, ReadOnlySpan<int> labels, CancellationToken cancellation)
    {
        if (!float.IsFinite(parameters.Guidance)) throw new ArgumentException($"Guidance {parameters.Guidance} is not a finite number.", nameof(parameters));
        Begin(checked(parameters.Guidance == 1f ? parameters.Images : 2 * parameters.Images), parameters, labels, cancellation);
        LaunchAtOnce(SolverKernel.Begin, DrawnImages * ((elements + 3L) / 4), new SolverArguments
        {
            Shape = new(1, 1, elements, 1), Images = DrawnImages, Twice = Guided ? 1 : 0, Latent = Floats(latent, elements, Access.Write), Epsilon = Floats(latent, elements, Access.Read),
            Noise = new() { Seed = parameters.Seed, FirstImage = parameters.FirstImage, Step = GaussianNoise.InitialState },
        });
    }

    public override void Guide<TShape>(Activation epsilon, in GuidanceMoments moments, TShape shape = default)
    {
        Enter();
        if (!Guided && !_launching.IsRehearsal) return;
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        Span<float> offsets = channels <= 64 ? stackalloc float[channels] : new float[channels];
        GuidanceCorrection correction = GuidanceCorrection.Of(moments, _run.Guidance, offsets);
        _guidedSigma = correction.Sigma;
        Launch<TShape, GuidanceArguments>(GuidanceKernel.Literal<TShape>, GuidanceKernel.Dynamic, DrawnImages * pixels * channels, new()
        {
            Shape = MapDimensions.Of(shape), Images = DrawnImages, Epsilon = Floats(epsilon, pixels * channels, Access.Write),
            Guidance = _run.Guidance, Gain = correction.Gain, CorrectMean = moments.CorrectMean ? 1 : 0, Offsets = Upload(offsets),
        });
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

        EndStep(step);
        SolverCoefficients c = coefficients;
        LaunchAtOnce<SolverArguments>(IsLiteral<TShape>() ? SolverKernel.Literal<TShape> : SolverKernel.Dynamic, DrawnImages * ((pixels * channels + 3) / 4), new()
        {
            Shape = MapDimensions.Of(shape), Images = DrawnImages, Twice = Guided ? 1 : 0,
            Latent = Floats(latent, pixels * channels, Access.Write), Epsilon = Floats(epsilon, pixels * channels, Access.Read),
            X0FromSample = c.X0FromSample, X0FromModel = c.X0FromModel, Clip = c.Clip, FromX0 = c.FromX0, FromSample = c.FromSample, FromModel = c.FromModel,
            Sigma = sigma, Noise = new() { Seed = _run.Seed, FirstImage = _run.FirstImage, Step = step },
        });
    }
}
