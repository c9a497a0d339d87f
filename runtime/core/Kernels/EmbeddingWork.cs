using Specializer.Numerics;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>projection·silu(time + label) + bias. An item is a panel of 16 vector elements, for all images.</summary>
internal unsafe struct EmbeddingWork : IWork
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    public int Batch, Embedding, Vectors;
    /// <summary>silu(time + label), [image][Embedding].</summary>
    public float* Activated;
    public byte* Projection;
    public float* Bias;
    public byte* Output;
    public long OutputStride;

    /// <summary>What the projection multiplies; one row of the time table and one of the label table.</summary>
    public static void Activate(float* time, float* label, int length, float* activated)
    {
        for (int i = 0; i < length; i++) activated[i] = time[i] + label[i];
        Transcendental.Silu(activated, length);
    }

    public readonly void Execute(int begin, int end, int worker)
    {
        byte** rows = stackalloc byte*[FloatTile.Pixels];
        float* sums = stackalloc float[FloatTile.Pixels * PanelWidth];
        for (int panel = begin; panel < end; panel++)
        {
            int first = panel * PanelWidth, count = Math.Min(PanelWidth, Vectors - first);
            for (int image = 0; image < Batch; image += FloatTile.Pixels)
            {
                for (int i = 0; i < FloatTile.Pixels; i++) rows[i] = (byte*)(Activated + (long)Math.Min(image + i, Batch - 1) * Embedding);
                FloatTile.Multiply(rows, 0, 1, Embedding, default, Projection + (long)panel * Embedding * PanelWidth * sizeof(float), (byte*)sums);
                for (int i = 0; i < Math.Min(FloatTile.Pixels, Batch - image); i++)
                {
                    float* vector = (float*)(Output + (image + i) * OutputStride);
                    for (int o = 0; o < count; o++) vector[first + o] = sums[i * PanelWidth + o] + Bias[first + o];
                }
            }
        }
    }
}
