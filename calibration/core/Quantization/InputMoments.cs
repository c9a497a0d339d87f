using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Specializer.Calibration;

/// <summary>First and second moments of a layer's input columns, streaming: what second-order rounding calls the Hessian (XXᵀ over im2col columns).</summary>
/// <remarks>Columns are added in the order in which they are handed over; each sum runs over them in that order, so threads and vector width do not show.
/// Inputs are those of the FP32 network: the rounding of one layer then does not depend on the bit width chosen for the layers before it, and one
/// weight set serves every step's activations.</remarks>
internal sealed class InputMoments
{
    /// <summary>Longest column: its products, a square, are one array.</summary>
    public const int MaximumSize = 46_336;

    // Sums run in FP32 within a chunk and in FP64 across chunks.
    private const int Chunk = 64;
    private const int Lanes = 16;
    private const int RowsAtOnce = 4;

    private readonly int _stride;
    private readonly double[] _products;
    private readonly double[] _sums;
    private readonly float[] _chunk;
    private int _pending;

    /// <param name="size">Length of a column: kernel rows × kernel columns × input channels, at most <see cref="MaximumSize"/>.</param>
    public InputMoments(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaximumSize);
        Size = size;
        _stride = (size + Lanes - 1) / Lanes * Lanes;
        _products = new double[size * _stride];
        _sums = new double[size];
        _chunk = new float[Chunk * _stride];
    }

    /// <summary>Length of a column.</summary>
    public int Size { get; }

    /// <summary>Columns added.</summary>
    public long Count { get; private set; }

    /// <summary>Adds columns.</summary>
    /// <param name="columns">[n, Size].</param>
    /// <param name="threads">Threads to use.</param>
    public void Add(ReadOnlySpan<float> columns, int threads = 1)
    {
        for (; !columns.IsEmpty; columns = columns[Size..])
        {
            columns[..Size].CopyTo(_chunk.AsSpan(_pending * _stride));
            Count++;
            if (++_pending == Chunk) Flush(threads);
        }
    }

    /// <summary>Mean of the columns.</summary>
    public double[] Mean()
    {
        Flush(1);
        return Array.ConvertAll(_sums, s => s / Math.Max(1, Count));
    }

    /// <summary>Covariance of the columns, Size×Size row-major: E[xxᵀ] − E[x]E[x]ᵀ.</summary>
    public double[] Covariance()
    {
        double[] mean = Mean();
        var covariance = new double[Size * Size];
        for (int i = 0; i < Size; i++)
        {
            for (int j = i; j < Size; j++)
                covariance[i * Size + j] = covariance[j * Size + i] = _products[i * _stride + j] / Math.Max(1, Count) - mean[i] * mean[j];
            covariance[i * Size + i] = Math.Max(0, covariance[i * Size + i]);
        }

        return covariance;
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        writer.Write(Size);
        writer.Write(Count);
        writer.Write(_pending);
        writer.Write(MemoryMarshal.AsBytes(_sums.AsSpan()));
        writer.Write(MemoryMarshal.AsBytes(_products.AsSpan()));
        writer.Write(MemoryMarshal.AsBytes(_chunk.AsSpan(0, _pending * _stride)));
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote for the same size.</summary>
    public static InputMoments Read(BinaryReader reader)
    {
        var moments = new InputMoments(reader.ReadInt32()) { Count = reader.ReadInt64() };
        moments._pending = reader.ReadInt32();
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(moments._sums.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(moments._products.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(moments._chunk.AsSpan(0, moments._pending * moments._stride)));
        return moments;
    }

    private void Flush(int threads)
    {
        if (_pending == 0) return;
        int rows = _pending;
        _pending = 0;
        for (int n = 0; n < rows; n++)
        {
            for (int i = 0; i < Size; i++) _sums[i] += _chunk[n * _stride + i];
        }

        int blocks = (Size + RowsAtOnce - 1) / RowsAtOnce;
        if (threads == 1)
        {
            for (int block = 0; block < blocks; block++) AddProducts(block * RowsAtOnce, rows);
        }
        else
        {
            Parallel.For(0, blocks, new ParallelOptions { MaxDegreeOfParallelism = threads }, block => AddProducts(block * RowsAtOnce, rows));
        }
    }

    /// <summary>Adds the chunk's products x_i·x_j for four i and all j ≥ i, sixteen j in the lanes of a vector; a lane's sum runs over the columns in order.</summary>
    private void AddProducts(int i0, int rows)
    {
        ref float chunk = ref MemoryMarshal.GetArrayDataReference(_chunk);
        int valid = Math.Min(RowsAtOnce, Size - i0);
        Span<float> lanes = stackalloc float[Lanes];
        for (int j = i0 / Lanes * Lanes; j < _stride; j += Lanes)
        {
            // Rows past Size read the zero padding or the next column's start: computed, never stored.
            int last = i0 + valid - 1;
            int i1 = Math.Min(i0 + 1, last), i2 = Math.Min(i0 + 2, last), i3 = Math.Min(i0 + 3, last);
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
            for (int n = 0; n < rows; n++)
            {
                nuint row = (nuint)(n * _stride);
                Vector512<float> x = Vector512.LoadUnsafe(ref chunk, row + (nuint)j);
                s0 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref chunk, row + (nuint)i0)), x, s0);
                s1 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref chunk, row + (nuint)i1)), x, s1);
                s2 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref chunk, row + (nuint)i2)), x, s2);
                s3 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref chunk, row + (nuint)i3)), x, s3);
            }

            for (int r = 0; r < valid; r++)
            {
                (r switch { 0 => s0, 1 => s1, 2 => s2, _ => s3 }).CopyTo(lanes);
                Span<double> to = _products.AsSpan((i0 + r) * _stride + j, Lanes);
                for (int l = 0; l < Lanes; l++) to[l] += lanes[l];
            }
        }
    }

    /// <summary>The plain form of the same sums, for tests: products of one pair (i, j ≥ i) over columns [n, size].</summary>
    internal static double PlainProduct(ReadOnlySpan<float> columns, int size, int i, int j)
    {
        double total = 0;
        int count = columns.Length / size;
        for (int start = 0; start < count; start += Chunk)
        {
            float sum = 0;
            for (int n = start; n < Math.Min(count, start + Chunk); n++)
                sum = MathF.FusedMultiplyAdd(columns[n * size + i], columns[n * size + j], sum);
            total += sum;
        }

        return total;
    }

    /// <summary>Σ x_i·x_j over all columns, j ≥ i.</summary>
    internal double Product(int i, int j)
    {
        Flush(1);
        return _products[i * _stride + j];
    }
}
