using ILGPU;
using Specializer.Ilgpu.Intrinsics;
using Specializer.Kernels;

namespace Specializer.Ilgpu.Kernels;

internal struct GuidanceArguments
{
    public MapDimensions Shape;
    /// <summary>Guided images, and where in the batch their predictions without condition begin.</summary>
    public int Images, Unconditional;
    public BatchView<float> Epsilon;
    public int CorrectMean;
    /// <summary>For each guided image as <see cref="GuidanceCorrection.RowLength"/> says.</summary>
    public ArrayView<float> Rows;
}

/// <summary>Combines the two predictions of guided images and corrects their mean. An item is an element of such an image.</summary>
internal static class GuidanceKernel
{
    public static void Literal<TShape>(GuidanceArguments a) where TShape : struct, IMapShape => Run(a, default(TShape));

    public static void Dynamic(GuidanceArguments a) => Run(a, a.Shape);

    private static void Run<TShape>(GuidanceArguments a, TShape shape)
        where TShape : struct, IMapShape
    {
        int elements = shape.Height * shape.Width * shape.Channels;
        for (int item = Share.Start; item < a.Images * elements; item += Share.Step)
        {
            int image = item / elements, element = item % elements;
            ArrayView<float> conditional = a.Epsilon.Image(image), unconditional = a.Epsilon.Image(a.Unconditional + image);
            int row = image * GuidanceCorrection.RowLength(shape.Channels);
            float guidance = a.Rows[row + GuidanceCorrection.GuidanceAt];
            float e = ExactMath.FusedMultiplyAdd(guidance, conditional[element], ExactMath.Multiply(1f - guidance, unconditional[element]));
            conditional[element] = a.CorrectMean != 0
                ? ExactMath.FusedMultiplyAdd(e, a.Rows[row + GuidanceCorrection.GainAt], a.Rows[row + GuidanceCorrection.FirstOffset + element % shape.Channels]) : e;
        }
    }
}
