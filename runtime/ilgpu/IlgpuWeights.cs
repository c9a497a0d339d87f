using ILGPU;
using ILGPU.Runtime;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

/// <summary>Packed weights in device memory, and the rows that tensor cores read, repacked there once when a layer first runs.</summary>
internal sealed unsafe class IlgpuWeights : DeviceWeights
{
    private readonly MemoryBuffer1D<byte, Stride1D.Dense> _blob;
    private readonly Dictionary<ConvolutionWeights, MemoryBuffer1D<byte, Stride1D.Dense>> _rows = [];
    private readonly Lock _lock = new();
    private bool _disposed;

    public IlgpuWeights(IlgpuDevice device, PackedWeights packed)
    {
        Device = device;
        device.Accelerator.Bind();
        _blob = device.Allocate(packed.Length, "The model's weights");
        try
        {
            _blob.View.BaseView.CopyFromCPU(ref *packed.Read(0, packed.Length), packed.Length);
        }
        catch (AcceleratorException e)
        {
            _blob.Dispose();
            throw KernelCache.Lost(device.Accelerator, e);
        }
    }

    public IlgpuDevice Device { get; }

    /// <summary>Fills the arguments that depend on the weights alone.</summary>
    public void Find(ConvolutionWeights weights, ref ConvolutionArguments a)
    {
        ConvolutionDimensions s = a.Shape;
        var walk = new Walk(_blob, weights.Offset);
        long padded = (s.OutputChannels + 15) / 16 * 16, taps = padded * s.KernelSize * s.KernelSize;
        if (s.WeightBits == 32)
        {
            a.FloatPanels = walk.Next<float>(taps * s.InputChannels);
            a.Bias = walk.Next<float>(padded);
            // ILGPU takes no empty view of another type.
            a.Panels = a.FloatPanels.Cast<int>();
            a.WeightScales = a.Bias;
            a.WeightSums = a.Bias.Cast<int>();
            return;
        }

        if (s.WeightBits == 16)
        {
            a.Panels = walk.Next<int>(taps * s.InputChannels / 2);
            a.Bias = walk.Next<float>(padded);
            a.FloatPanels = a.WeightScales = a.Bias;
            a.WeightSums = a.Bias.Cast<int>();
            return;
        }

        a.Panels = walk.Next<int>(taps * ((s.InputChannels + 3) / 4) * s.WeightBits / 8);
        a.WeightScales = walk.Next<float>(padded);
        a.Bias = walk.Next<float>(padded);
        a.WeightSums = walk.Next<int>(padded);
        a.FloatPanels = a.Bias;
    }

    public bool HasRows(ConvolutionWeights weights)
    {
        lock (_lock) return _rows.ContainsKey(weights);
    }

    /// <summary>The same weights as rows for tensor cores.</summary>
    public ArrayView<int> Rows(ConvolutionWeights weights, in ConvolutionArguments a, AcceleratorStream stream)
    {
        lock (_lock)
        {
            if (_rows.TryGetValue(weights, out MemoryBuffer1D<byte, Stride1D.Dense>? rows)) return rows.View.BaseView.Cast<int>();
            ConvolutionDimensions s = a.Shape;
            bool half = Device.Options.HalfPrecision;
            long words = RepackKernels.Words(s, half);
            rows = Device.Allocate(4 * words, "A layer's weights");
            ArrayView<int> result = rows.View.BaseView.Cast<int>();
            var arguments = new RepackArguments
            {
                Taps = s.KernelSize * s.KernelSize, InputChannels = s.InputChannels, OutputChannels = s.OutputChannels, Panels = a.Panels, FloatPanels = a.FloatPanels, Bits = s.WeightBits, Rows = result,
            };
            try
            {
                Device.Kernels.Launch(s.WeightBits switch { 4 => RepackKernels.Nibbles, 8 => RepackKernels.Bytes, _ => half ? RepackKernels.Halves : RepackKernels.Floats }, stream, Device.Kernels.Items(words), arguments);
                // Other sessions have other streams.
                stream.Synchronize();
                _rows.Add(weights, rows);
                return result;
            }
            catch (Exception e)
            {
                IlgpuDevice.Release(rows);
                if (e is AcceleratorException lost) throw KernelCache.Lost(Device.Accelerator, lost);
                throw;
            }
        }
    }

    public void Find(NormWeights weights, int channels, out ArrayView<float> gamma, out ArrayView<float> beta)
    {
        var walk = new Walk(_blob, weights.Offset);
        gamma = walk.Next<float>(channels);
        beta = walk.Next<float>(channels);
    }

    /// <summary>Fills in a table [rows, channels] of numbers of 16 or 32 bits, and what follows it, FP32 [more, channels]; where nothing does, the table.</summary>
    public void Find(TableWeights weights, long more, int channels, ref TableArguments a)
    {
        var walk = new Walk(_blob, weights.Offset);
        long numbers = (long)a.Rows * channels;
        if (a.TableBits == 16)
        {
            a.HalfTable = walk.Next<int>((numbers + 1) / 2);
            a.Positions = a.Table = walk.Next<float>(more * channels);
            return;
        }

        a.Table = walk.Next<float>(numbers);
        // ILGPU takes no empty view of another type.
        a.HalfTable = a.Table.Cast<int>();
        a.Positions = more == 0 ? a.Table : walk.Next<float>(more * channels);
    }

    public void Find(EmbeddingWeights weights, ref EmbeddingArguments a)
    {
        EmbeddingDimensions s = a.Shape;
        var walk = new Walk(_blob, weights.Offset);
        if (s.Embedding == 0)
        {
            a.Time = a.LabelTable = a.Projection = a.Bias = walk.Next<float>((long)s.Steps * s.Vectors);
            return;
        }

        long padded = (s.Vectors + 15) / 16 * 16;
        a.Time = walk.Next<float>((long)s.Steps * s.Embedding);
        a.LabelTable = walk.Next<float>((long)s.Classes * s.Embedding);
        a.Projection = walk.Next<float>(padded * s.Embedding);
        a.Bias = walk.Next<float>(padded);
    }

    public override void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        IlgpuDevice.Release([.. _rows.Values, _blob]);
    }

    /// <summary>Sections one after the other, each at a multiple of 64.</summary>
    private struct Walk(MemoryBuffer1D<byte, Stride1D.Dense> blob, long offset)
    {
        private long _offset = offset;

        public ArrayView<T> Next<T>(long elements)
            where T : unmanaged
        {
            _offset = (_offset + 63) & ~63L;
            long bytes = elements * sizeof(T);
            if (_offset < 0 || bytes > blob.Length - _offset)
                throw new ArgumentException($"A weight section of {bytes} bytes at {_offset} leaves the packed weights of {blob.Length} bytes: the weights belong to another model or layout. Rebuild the program.");
            ArrayView<T> section = blob.View.BaseView.SubView(_offset, bytes).Cast<T>();
            _offset += bytes;
            return section;
        }
    }
}
