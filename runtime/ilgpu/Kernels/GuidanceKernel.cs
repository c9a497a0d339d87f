using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct GuidanceArguments
{
    public MapDimensions Shape;
    /// <summary>Drawn images: half the batch.</summary>
    public int Images;
    public BatchView<float> Epsilon;
    public float Guidance, Gain;
    public int CorrectMean;
    /// <summary>Per channel.</summary>
    public ArrayView<float> Offsets;
}

/// <summary>Combines the halves of a guided batch and corrects the mean. An item is an element of a drawn image.</summary>
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
            ArrayView<float> conditional = a.Epsilon.Image(image), unconditional = a.Epsilon.Image(a.Images + image);
            float e = ExactMath.FusedMultiplyAdd(a.Guidance, conditional[element], ExactMath.Multiply(1f - a.Guidance, unconditional[element]));
            conditional[element] = a.CorrectMean != 0 ? ExactMath.FusedMultiplyAdd(e, a.Gain, a.Offsets[element % shape.Channels]) : e;
        }
    }
}
