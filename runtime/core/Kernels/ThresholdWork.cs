using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>Dynamic thresholding of the drawn images. An item is an image.</summary>
internal unsafe struct ThresholdWork : IWork
{
    public int Elements, Images;
    /// <summary>The first of them are repeated behind the drawn ones.</summary>
    public int Guided;
    public byte* Start;
    public long Stride;
    /// <summary>Room for the elements of all images.</summary>
    public float* Sorted;
    public float Quantile, Maximum;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int image = begin; image < end; image++)
        {
            var values = new Span<float>(Start + image * Stride, Elements);
            Apply(values, new Span<float>(Sorted + (long)image * Elements, Elements), Quantile, Maximum);
            if (image < Guided) values.CopyTo(new Span<float>(Start + (Images + image) * Stride, Elements));
        }
    }

    /// <summary>One image.</summary>
    /// <param name="values">r.</param>
    /// <param name="sorted">As long; its contents do not matter.</param>
    /// <param name="quantile">In [0, 1].</param>
    /// <param name="maximum">Largest s.</param>
    public static void Apply(Span<float> values, Span<float> sorted, float quantile, float maximum)
    {
        for (int i = 0; i < values.Length; i++) sorted[i] = MathF.Abs(values[i]);
        sorted.Sort();
        double position = (double)quantile * (values.Length - 1);
        float below = sorted[(int)Math.Floor(position)], above = sorted[(int)Math.Ceiling(position)];
        float between = MathF.FusedMultiplyAdd((float)(position - Math.Floor(position)), above - below, below);
        float bound = MathF.Min(MathF.Max(between, 1), maximum);
        foreach (ref float value in values) value = MathF.Min(MathF.Max(value, -bound), bound) / bound;
    }
}
