using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    private readonly NativeBuffer _offsets = new(), _sorted = new();

    private int DrawnImages => Guided ? Batch / 2 : Batch;

    internal override void Begin(RunParameters parameters, ReadOnlySpan<int> labels, CancellationToken cancellation)
    {
        if (!float.IsFinite(parameters.Guidance)) throw new ArgumentException($"Guidance {parameters.Guidance} is not a finite number.", nameof(parameters));
        Begin(checked(parameters.Guidance == 1f ? parameters.Images : 2 * parameters.Images), parameters, labels, cancellation);
    }

    public override void Guide<TShape>(Activation epsilon, in GuidanceMoments moments, TShape shape = default)
    {
        Enter();
        if (!Guided) return;
        (long pixels, int channels) = PixelsOf(shape);
        Map map = Floats(epsilon, pixels * channels);
        float* offsets = (float*)_offsets.Reserve(channels * sizeof(float));
        GuidanceCorrection correction = GuidanceCorrection.Of(moments, _run.Guidance, new Span<float>(offsets, channels));
        GuidedSigma = correction.Sigma;
        var work = new GuidanceWork
        {
            Images = DrawnImages, Elements = checked((int)(pixels * channels)), Channels = channels, Epsilon = map.Start, Stride = map.Stride,
            Guidance = _run.Guidance, Gain = correction.Gain, Offsets = offsets, CorrectMean = moments.CorrectMean,
        };
        Run(DrawnImages, ref work, Grain(pixels * channels, 0.5));
    }

    public override void Solve<TShape>(int step, ReadOnlySpan<SolverStatement> statements, TShape shape = default)
    {
        Enter();
        (long pixels, int channels) = PixelsOf(shape);
        long elements = pixels * channels;
        foreach (ref readonly SolverStatement statement in statements)
        {
            if (statement.Target.HasMemory) Floats(statement.Target.Buffer, elements);
            for (int k = 0; k < statement.Sum.Count; k++)
                if (statement.Sum[k].Register is { HasMemory: true } register) Floats(register.Buffer, elements);
        }

        fixed (SolverStatement* first = statements)
        {
            var work = new SolverWork
            {
                Elements = checked((int)elements), Images = DrawnImages, Twice = Guided, Arena = _arena.Pointer, Capacity = Capacity, Stride = (elements * sizeof(float) + 63) & ~63L,
                Statements = first, Count = statements.Length, Seed = _run.Seed, FirstImage = _run.FirstImage,
            };
            Run(DrawnImages * work.ItemsPerImage, ref work);
        }
    }

    public override void Threshold<TShape>(int step, SolverRegister register, float quantile, float maximum, TShape shape = default)
    {
        Enter();
        (long pixels, int channels) = PixelsOf(shape);
        int elements = checked((int)(pixels * channels));
        Map map = Floats(register.Buffer, elements);
        var work = new ThresholdWork
        {
            Elements = elements, Images = DrawnImages, Twice = Guided && register.BothHalves, Start = map.Start, Stride = map.Stride,
            Sorted = (float*)_sorted.Reserve((long)DrawnImages * elements * sizeof(float)), Quantile = quantile, Maximum = maximum,
        };
        Run(DrawnImages, ref work);
    }
}
