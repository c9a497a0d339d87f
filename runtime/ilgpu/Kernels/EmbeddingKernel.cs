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
    /// <summary>silu(time + label), [image][block of vectors][Embedding].</summary>
    public ArrayView<float> Activated;
    public BatchView<float> Vectors;
}

/// <summary>The step vectors of every image.</summary>
internal static class EmbeddingKernel
{
    /// <summary>Elements of the vectors that a group of threads computes.</summary>
    public const int Block = 128;

    public static int Blocks(int vectors) => (vectors + Block - 1) / Block;

    /// <summary>Unconditional: a row of the folded table. An item is an element.</summary>
    public static void Copy(EmbeddingArguments a)
    {
        int length = a.Shape.Vectors;
        for (int item = Share.Start; item < a.Batch * length; item += Share.Step)
            a.Vectors.Image(item / length)[item % length] = a.Time[(long)a.Step * length + item % length];
    }

    /// <summary>A group of threads takes one block of an image's vectors after the other, and computes what the projection multiplies for itself: one launch less.</summary>
    public static void Project(EmbeddingArguments a)
    {
        int width = a.Shape.Embedding, length = a.Shape.Vectors, blocks = Blocks(length);
        for (int part = Grid.IdxX; part < a.Batch * blocks; part += Grid.DimX)
        {
            int image = part / blocks, first = part % blocks * Block;
            ArrayView<float> activated = a.Activated.SubView((long)part * width);
            for (int e = Group.IdxX; e < width; e += Group.DimX)
                activated[e] = DeviceFunctions.Silu(a.Time[(long)a.Step * width + e] + a.LabelTable[(long)a.Labels[image] * width + e]);
            Group.Barrier();
            for (int v = first + Group.IdxX; v < Math.Min(first + Block, length); v += Group.DimX)
            {
                ArrayView<float> weights = a.Projection.SubView((long)(v / 16) * width * 16 + v % 16);
                float sum = 0f;
                for (int e = 0; e < width; e++) sum = ExactMath.FusedMultiplyAdd(activated[e], weights[e * 16], sum);
                a.Vectors.Image(image)[v] = sum + a.Bias[v];
            }
        }
    }
}
