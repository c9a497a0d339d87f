using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Specializer.Calibration;

/// <summary>First and second moments of a layer's input columns, streaming: what second-order rounding calls the Hessian (XXᵀ over im2col columns).</summary>
/// <remarks>Inputs become 12-bit integers with one power of two as their scale, and all sums are of integers: exact, whatever the order, the threads or the vectors.
/// Inputs are those of the FP32 network: the rounding of one layer then does not depend on the bit width chosen for the layers before it, and one
/// weight set serves every step's activations.</remarks>
internal sealed class InputMoments
{
    /// <summary>Longest column: its covariance, a square, is one array.</summary>
    public const int MaximumSize = 46_336;

    /// <summary>Most columns: up to here n·Σxy stays within 64 bits.</summary>
    public const int MaximumCount = 1 << 20;

    private const int Limit = 2047;
    private const int LeastExponent = -120, MostExponent = 127;
    // Sums of products run in 32 bits within a chunk (128·2047² < 2³¹) and in 64 bits across chunks.
    private const int Chunk = 128;
    private const int Lanes = 8;
    private const int Panel = Chunk / 2 * Lanes;
    private const int RowsAtOnce = 4;

    private readonly int _exponent, _stride;
    private long[] _products = []; // Made with the first column. The upper triangle: row i from the multiple of Lanes at or below i on.
    private readonly long[] _sums;
    private readonly int[] _pairs; // In panels of eight elements, [pair of columns, element]; of a pair the even column is in the low half of an integer.
    private int _pending;

    /// <param name="size">Length of a column: kernel rows × kernel columns × input channels, at most <see cref="MaximumSize"/>.</param>
    /// <param name="largest">Largest magnitude that is represented; beyond it inputs are clamped.</param>
    public InputMoments(int size, float largest)
        : this(size, largest > 0 ? Math.Clamp(Math.ILogB(largest) - 10, LeastExponent, MostExponent) : 0)
    {
    }

    private InputMoments(int size, int exponent)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaximumSize);
        (Size, _exponent) = (size, exponent);
        _stride = (size + Lanes - 1) / Lanes * Lanes;
        _sums = new long[size];
        _pairs = new int[Chunk / 2 * _stride];
    }

    /// <summary>Length of a column.</summary>
    public int Size { get; }

    /// <summary>Bytes that the moments of columns take.</summary>
    /// <param name="size">Length of a column.</param>
    public static long Bytes(int size)
    {
        long stride = (size + Lanes - 1) / Lanes * Lanes;
        return sizeof(long) * (stride * (stride + Lanes) / 2 + size) + Chunk / 2 * stride * sizeof(int);
    }

    /// <summary>Columns added.</summary>
    public int Count { get; private set; }

    /// <summary>What 1 stands for, a power of two.</summary>
    public double Scale => Math.ScaleB(1, _exponent);

    /// <summary>Adds columns.</summary>
    /// <param name="columns">[n, Size].</param>
    /// <param name="threads">Threads to use.</param>
    /// <exception cref="InvalidOperationException">There are more than <see cref="MaximumCount"/>.</exception>
    public void Add(ReadOnlySpan<float> columns, int threads = 1)
    {
        float inverse = (float)Math.ScaleB(1, -_exponent);
        for (; !columns.IsEmpty; columns = columns[Size..])
        {
            if (Count == MaximumCount) throw new InvalidOperationException($"Moments are kept of at most {MaximumCount} columns.");
            for (int i = 0; i < Size; i++)
            {
                int x = (int)Math.Clamp(MathF.Round(columns[i] * inverse), -Limit, Limit);
                _sums[i] += x;
                ref int pair = ref _pairs[i / Lanes * Panel + _pending / 2 * Lanes + i % Lanes];
                pair = _pending % 2 == 0 ? x & 0xFFFF : pair | x << 16;
            }

            Count++;
            if (++_pending == Chunk) Flush(threads);
        }
    }

    /// <summary>Adds what other moments of the same scale hold.</summary>
    public void Merge(InputMoments other)
    {
        if (other.Size != Size || other._exponent != _exponent) throw new ArgumentException("Only moments of the same columns and scale can be merged.", nameof(other));
        if (Count + other.Count > MaximumCount) throw new InvalidOperationException($"Moments are kept of at most {MaximumCount} columns.");
        Flush(1);
        other.Flush(1);
        if (other.Count == 0) return;
        Count += other.Count;
        Allocate();
        for (int i = 0; i < _sums.Length; i++) _sums[i] += other._sums[i];
        for (int i = 0; i < _products.Length; i++) _products[i] += other._products[i];
    }

    /// <summary>Mean of the columns.</summary>
    public double[] Mean() => Array.ConvertAll(_sums, sum => Scale * sum / Math.Max(1, Count));

    /// <summary>Covariance of the columns, Size×Size row-major: E[xxᵀ] − E[x]E[x]ᵀ; nothing cancels but integers.</summary>
    public double[] Covariance()
    {
        Flush(1);
        Allocate();
        var covariance = new double[Size * Size];
        double divisor = Math.ScaleB((double)Math.Max(1, Count) * Math.Max(1, Count), -2 * _exponent);
        for (int i = 0; i < Size; i++)
        {
            ReadOnlySpan<long> row = _products.AsSpan((int)Row(i), _stride - First(i));
            for (int j = i; j < Size; j++)
                covariance[i * Size + j] = covariance[j * Size + i] = (Count * row[j - First(i)] - _sums[i] * _sums[j]) / divisor;
        }

        return covariance;
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        Flush(1);
        writer.Write(_exponent);
        writer.Write(Count);
        if (Count == 0) return;
        writer.Write(MemoryMarshal.AsBytes(_sums.AsSpan()));
        for (long at = 0; at < _products.LongLength; at += 1 << 20)
            writer.Write(MemoryMarshal.AsBytes(_products.AsSpan((int)at, (int)Math.Min(1 << 20, _products.LongLength - at))));
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="size">Length of a column.</param>
    /// <param name="columns">Columns that were added.</param>
    /// <exception cref="InvalidDataException">It holds what no moments of so many columns have.</exception>
    public static InputMoments Read(BinaryReader reader, int size, long columns)
    {
        int exponent = reader.ReadInt32(), count = reader.ReadInt32();
        if (exponent is < LeastExponent or > MostExponent || count is < 0 or > MaximumCount || count != columns)
            throw new InvalidDataException($"moments of {columns} columns of inputs are expected, not of {count} of the scale 2^{exponent}");
        var moments = new InputMoments(size, exponent) { Count = count };
        if (count == 0) return moments;
        moments.Allocate();
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(moments._sums.AsSpan()));
        for (long at = 0; at < moments._products.LongLength; at += 1 << 20)
            reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(moments._products.AsSpan((int)at, (int)Math.Min(1 << 20, moments._products.LongLength - at))));
        if (Array.Exists(moments._sums, sum => sum < -(long)count * Limit || sum > (long)count * Limit)) throw new InvalidDataException($"a sum of {count} inputs is larger than they can be");
        for (int i = 0; i < size; i++)
        {
            long square = moments.Product(i, i);
            if (square < 0 || square > (long)count * Limit * Limit) throw new InvalidDataException($"a sum of {count} squares is not one");
        }

        return moments;
    }

    /// <summary>Σ x_i·x_j over all columns in units of <see cref="Scale"/>², j ≥ i.</summary>
    internal long Product(int i, int j)
    {
        Flush(1);
        return _products.Length == 0 ? 0 : _products[Row(i) + j - First(i)];
    }

    private static int First(int row) => row / Lanes * Lanes;

    /// <summary>Where a row of the triangle begins.</summary>
    private long Row(int row)
    {
        long block = row / Lanes;
        return Lanes * (block * _stride - Lanes * (block * (block - 1) / 2)) + row % Lanes * (_stride - block * Lanes);
    }

    private void Allocate()
    {
        if (_products.Length == 0) _products = new long[Row(Size)];
    }

    private void Flush(int threads)
    {
        if (_pending == 0) return;
        Allocate();
        int pairs = (_pending + 1) / 2, blocks = (Size + RowsAtOnce - 1) / RowsAtOnce;
        _pending = 0;
        if (threads == 1)
        {
            for (int block = 0; block < blocks; block++) AddProducts(block * RowsAtOnce, pairs);
        }
        else
        {
            Parallel.For(0, blocks, new ParallelOptions { MaxDegreeOfParallelism = threads }, block => AddProducts(block * RowsAtOnce, pairs));
        }
    }

    /// <summary>Adds the chunk's products x_i·x_j for four i and all j ≥ i, eight j in the lanes of a vector and two vectors at a time.</summary>
    private void AddProducts(int i0, int pairs)
    {
        int first = First(i0), valid = Math.Min(RowsAtOnce, Size - i0);
        // Rows past Size lie in the panel, too: computed, never stored.
        ReadOnlySpan<int> rows = _pairs.AsSpan(i0 / Lanes * Panel, Panel)[(i0 % Lanes)..];
        for (int j = first; j < _stride; j += 2 * Lanes)
        {
            bool both = j + Lanes < _stride;
            ReadOnlySpan<int> left = _pairs.AsSpan(j / Lanes * Panel, Panel), right = both ? _pairs.AsSpan((j / Lanes + 1) * Panel, Panel) : left;
            Vector256<int> l0 = default, l1 = default, l2 = default, l3 = default, r0 = default, r1 = default, r2 = default, r3 = default;
            for (int n = 0; n < pairs * Lanes; n += Lanes)
            {
                Vector256<int> l = Vector256.Create(left.Slice(n, Lanes)), r = Vector256.Create(right.Slice(n, Lanes)), x;
                ReadOnlySpan<int> at = rows.Slice(n, RowsAtOnce);
                x = Vector256.Create(at[0]); l0 += Pairs(x, l); r0 += Pairs(x, r);
                x = Vector256.Create(at[1]); l1 += Pairs(x, l); r1 += Pairs(x, r);
                x = Vector256.Create(at[2]); l2 += Pairs(x, l); r2 += Pairs(x, r);
                x = Vector256.Create(at[3]); l3 += Pairs(x, l); r3 += Pairs(x, r);
            }

            for (int r = 0; r < valid; r++)
            {
                Span<long> to = _products.AsSpan(checked((int)(Row(i0 + r) + j - first)), both ? 2 * Lanes : Lanes);
                Widen(r switch { 0 => l0, 1 => l1, 2 => l2, _ => l3 }, to);
                if (both) Widen(r switch { 0 => r0, 1 => r1, 2 => r2, _ => r3 }, to[Lanes..]);
            }
        }
    }

    /// <summary>Adds eight sums of 32 bits to eight of 64.</summary>
    private static void Widen(Vector256<int> sums, Span<long> to)
    {
        var (low, high) = Vector256.Widen(sums);
        (Vector256.Create<long>(to) + low).CopyTo(to);
        (Vector256.Create<long>(to[4..]) + high).CopyTo(to[4..]);
    }

    /// <summary>Per lane the product of the low halves plus that of the high ones.</summary>
    private static Vector256<int> Pairs(Vector256<int> a, Vector256<int> b) => Avx2.IsSupported
        ? Avx2.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16())
        : (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
}
