using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct EmbeddingArguments
{
    public EmbeddingDimensions Shape;
    public int Batch, Step;
    /// <summary>Time table (or folded vectors), label table, projections in panels of 16, bias.</summary>
    public ArrayView<float> Time, LabelTable, Projection, Bias;
    public ArrayView<int> Labels;
    /// <summary>silu(time + label), [image][Embedding].</summary>
    public ArrayView<float> Activated;
    public BatchView<float> Vectors;
}

/// <summary>The step vectors of every image.</summary>
internal static class EmbeddingKernel
{
    /// <summary>Unconditional: a row of the folded table. An item is an element.</summary>
    public static void Copy(EmbeddingArguments a)
    {
        int length = a.Shape.Vectors;
        for (int item = Share.Start; item < a.Batch * length; item += Share.Step)
            a.Vectors.Image(item / length)[item % length] = a.Time[(long)a.Step * length + item % length];
    }

    /// <summary>What the projection multiplies. An item is an element.</summary>
    public static void Activate(EmbeddingArguments a)
    {
        int width = a.Shape.Embedding;
        for (int item = Share.Start; item < a.Batch * width; item += Share.Step)
        {
            int image = item / width, e = item % width;
            a.Activated[item] = DeviceFunctions.Silu(a.Time[(long)a.Step * width + e] + a.LabelTable[(long)a.Labels[image] * width + e]);
        }
    }

    /// <summary>An item is an element of an image's vectors.</summary>
    public static void Project(EmbeddingArguments a)
    {
        int width = a.Shape.Embedding, length = a.Shape.Vectors;
        for (int item = Share.Start; item < a.Batch * length; item += Share.Step)
        {
            int image = item / length, v = item % length;
            ArrayView<float> activated = a.Activated.SubView((long)image * width);
            ArrayView<float> weights = a.Projection.SubView((long)(v / 16) * width * 16 + v % 16);
            float sum = 0f;
            for (int e = 0; e < width; e++) sum = ExactMath.FusedMultiplyAdd(activated[e], weights[e * 16], sum);
            a.Vectors.Image(image)[v] = sum + a.Bias[v];
        }
    }
}
