using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    private readonly NativeBuffer _corrections = new(), _sorted = new();

    public override void Guide<TShape>(Activation epsilon, in GuidanceMoments moments, TShape shape = default)
    {
        Enter();
        if (GuidedImages == 0) return;
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        Map map = Floats(epsilon, pixels * channels);
        int numbers = GuidedImages * GuidanceCorrection.RowLength(channels);
        float* rows = (float*)_corrections.Reserve(numbers * sizeof(float));
        FindCorrections(moments, channels, new Span<float>(rows, numbers));
        var work = new GuidanceWork
        {
            Images = DrawnImages, Elements = checked((int)(pixels * channels)), Channels = channels, Epsilon = map.Start, Stride = map.Stride,
            Rows = rows, CorrectMean = moments.CorrectMean,
        };
        Run(GuidedImages, ref work, Grain(pixels * channels, 0.5));
    }

    public override void Solve<TShape>(int step, ReadOnlySpan<SolverStatement> statements, TShape shape = default)
    {
        Enter();
        CheckSigma(statements);
        (int pixels, int channels) = PixelsOf(shape);
        long elements = (long)pixels * channels;
        foreach (ref readonly SolverStatement statement in statements)
        {
            if (statement.Target.HasMemory) Floats(statement.Target.Buffer, elements);
            for (int k = 0; k < statement.Sum.Count; k++)
                if (statement.Sum[k].Register is { HasMemory: true } register) Floats(register.Buffer, elements);
        }

        fixed (SolverStatement* first = statements)
        fixed (DrawnImage* keys = _images)
        fixed (float* sigmas = _sigmas, removed = _removed)
        {
            var work = new SolverWork
            {
                Elements = checked((int)elements), Images = DrawnImages, Guided = GuidedImages, Arena = _arena.Pointer, Capacity = Capacity, Stride = (elements * sizeof(float) + 63) & ~63L,
                Statements = first, Count = statements.Length, Keys = keys, Sigmas = sigmas, Removed = removed,
            };
            Run(DrawnImages * work.ItemsPerImage, ref work);
        }
    }

    public override void Threshold<TShape>(int step, SolverRegister register, float quantile, float maximum, TShape shape = default)
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        int elements = checked(pixels * channels);
        Map map = Floats(register.Buffer, elements);
        var work = new ThresholdWork
        {
            Elements = elements, Images = DrawnImages, Guided = register.BothHalves ? GuidedImages : 0, Start = map.Start, Stride = map.Stride,
            Sorted = (float*)_sorted.Reserve((long)DrawnImages * elements * sizeof(float)), Quantile = quantile, Maximum = maximum,
        };
        Run(DrawnImages, ref work);
    }
}
