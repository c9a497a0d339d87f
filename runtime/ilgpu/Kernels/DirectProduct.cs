using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct ProductArguments
{
    /// <summary>Products side by side, and the sizes of each: C[row][column] = scale · Σ A[row][k]·B[column][k].</summary>
    public int Count, Rows, Columns;
    /// <summary>Words of a row of A and B, a multiple of 16, filled up with zeros: FP16, two a word; or bytes, without sign in A and with it in B.</summary>
    public int DepthWords;
    /// <summary>[product][row or column][k].</summary>
    public ArrayView<int> A, B;
    /// <summary>Product p stands at (First + p) / PerImage · ImageStride + (First + p) % PerImage · HeadStride.</summary>
    public ArrayView<float> C;
    public int First, PerImage, HeadStride, RowStride;
    public long ImageStride;
    public float Scale;
    /// <summary>1: a row is also divided by its sum, which is kept in eight parts.</summary>
    public int HasSums;
    public ArrayView<float> Sums;
    /// <summary>For bytes: what zero points add to a sum, RowFactor · (a row's parts together) − ColumnFactor · ColumnSums.</summary>
    public int RowFactor, RowParts, ColumnFactor;
    public ArrayView<int> RowSums, ColumnSums;

    /// <summary>What finishing needs of a row, worked out once for all its columns.</summary>
    public readonly ProductRow Row(int product, int row)
    {
        long at = (long)product * Rows + row;
        var result = new ProductRow { Factor = Scale };
        if (HasSums != 0) result.Factor = ExactMath.Multiply(Scale, AttentionKernels.Inverse(Sums, at * AttentionKernels.Lanes));
        for (int part = 0; part < RowParts; part++) result.Zero += RowSums[at * RowParts + part];
        result.Zero *= RowFactor;
        return result;
    }

    /// <summary>What a column's zero point takes from an integer sum.</summary>
    public readonly int ColumnZero(int product, int column) => ColumnFactor == 0 ? 0 : ColumnFactor * ColumnSums[(long)product * Columns + column];

    /// <summary>Where a product's first row starts.</summary>
    public readonly long Start(int product)
    {
        int global = First + product;
        return global / PerImage * ImageStride + (long)(global % PerImage) * HeadStride;
    }
}

internal struct ProductRow
{
    public float Factor;
    /// <summary>What the row's zero points add to an integer sum.</summary>
    public int Zero;
}

/// <summary>Many matrix products on any device: the plain loop beside <see cref="TensorProduct"/>. An item is an element of a result.</summary>
internal static class DirectProduct
{
    public static void Halves(ProductArguments a)
    {
        for (int item = Share.Start; item < a.Count * a.Rows * a.Columns; item += Share.Step)
        {
            int column = item % a.Columns, row = item / a.Columns % a.Rows, product = item / a.Columns / a.Rows;
            long from = ((long)product * a.Rows + row) * a.DepthWords, to = ((long)product * a.Columns + column) * a.DepthWords;
            float sum = 0f;
            for (int word = 0; word < a.DepthWords; word++)
            {
                int x = a.A[from + word], y = a.B[to + word];
                sum = ExactMath.FusedMultiplyAdd(DeviceHalf.Low(x), DeviceHalf.Low(y), sum);
                sum = ExactMath.FusedMultiplyAdd(DeviceHalf.High(x), DeviceHalf.High(y), sum);
            }

            a.C[a.Start(product) + (long)row * a.RowStride + column] = ExactMath.Multiply(sum, a.Row(product, row).Factor);
        }
    }

    public static void Bytes(ProductArguments a)
    {
        for (int item = Share.Start; item < a.Count * a.Rows * a.Columns; item += Share.Step)
        {
            int column = item % a.Columns, row = item / a.Columns % a.Rows, product = item / a.Columns / a.Rows, sum = 0;
            long from = ((long)product * a.Rows + row) * a.DepthWords, to = ((long)product * a.Columns + column) * a.DepthWords;
            for (int word = 0; word < a.DepthWords; word++) sum = ExactMath.Dot(a.A[from + word], a.B[to + word], sum);
            ProductRow r = a.Row(product, row);
            a.C[a.Start(product) + (long)row * a.RowStride + column] = ExactMath.Multiply((float)(sum + r.Zero - a.ColumnZero(product, column)), r.Factor);
        }
    }
}
