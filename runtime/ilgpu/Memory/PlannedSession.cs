using ILGPU;
using ILGPU.Runtime;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

/// <summary>A session's memory while it is planned: nothing is allocated, and the largest wishes are kept.</summary>
internal sealed class PlannedSession(IlgpuWeights weights, Accelerator accelerator, long mapBytes, int capacity) : SessionMemory(mapBytes, capacity), IDisposable
{
    private readonly PlannedMemory _nowhere = new(accelerator);
    private readonly Dictionary<ConvolutionWeights, long> _rows = [];

    /// <summary>The largest wishes.</summary>
    public long WorkingBytes { get; private set; }

    /// <inheritdoc cref="WorkingBytes"/>
    public long UploadBytes { get; private set; }

    /// <inheritdoc cref="WorkingBytes"/>
    public long StatementBytes { get; private set; }

    /// <summary>Of repacked weights that are missing.</summary>
    public long RowBytes => _rows.Values.Sum();

    public override ArrayView<byte> Arena => _nowhere.View(MapBytes + PaddingBytes);

    public override ArrayView<int> Labels => _nowhere.View(4L * Capacity).Cast<int>();

    public override ArrayView<byte> Working(long bytes)
    {
        WorkingBytes = Math.Max(WorkingBytes, bytes);
        return _nowhere.View(bytes);
    }

    public override ArrayView<byte> Uploads(long bytes)
    {
        UploadBytes = Math.Max(UploadBytes, bytes);
        return _nowhere.View(bytes);
    }

    public override ArrayView<byte> Statements(long bytes)
    {
        StatementBytes = Math.Max(StatementBytes, bytes);
        return _nowhere.View(bytes);
    }

    public override ArrayView<int> Rows(ConvolutionWeights layer, in ConvolutionArguments a)
    {
        long bytes = 4 * RepackKernels.Words(a.Shape, weights.Device.Options.HalfPrecision);
        if (!weights.HasRows(layer)) _rows[layer] = bytes;
        return _nowhere.View(bytes).Cast<int>();
    }

    public void Dispose() => _nowhere.Dispose();
}
