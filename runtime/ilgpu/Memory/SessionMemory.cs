using ILGPU;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

/// <summary>Where a session's views lie: on the device, or, while it finds out what it needs, nowhere.</summary>
/// <param name="mapBytes">Maps of all images.</param>
/// <param name="capacity">Images.</param>
internal abstract class SessionMemory(long mapBytes, int capacity)
{
    /// <summary>A row of 16 equal bytes for each zero point, behind the maps.</summary>
    protected const int PaddingBytes = 256 * 16;

    /// <summary>Maps of all images.</summary>
    public long MapBytes => mapBytes;

    /// <summary>Images.</summary>
    public int Capacity => capacity;

    /// <summary>The maps, then the padding.</summary>
    public abstract ArrayView<byte> Arena { get; }

    /// <summary>A label for each image.</summary>
    public abstract ArrayView<int> Labels { get; }

    /// <summary>Memory for one operation, which overwrites what was there.</summary>
    public abstract ArrayView<byte> Working(long bytes);

    /// <summary>Memory for what the host copies.</summary>
    public abstract ArrayView<byte> Uploads(long bytes);

    /// <summary>Memory for a solver's statements, apart from other uploads so that they stay from step to step.</summary>
    public abstract ArrayView<byte> Statements(long bytes);

    /// <summary>Weights as rows for tiles.</summary>
    public abstract ArrayView<int> Rows(ConvolutionWeights weights, in ConvolutionArguments a);

    /// <summary>The rows of 16 equal bytes.</summary>
    public ArrayView<byte> Padding => Arena.SubView(mapBytes);
}
