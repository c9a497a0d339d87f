using ILGPU;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    /// <summary>Scores of as many heads as fit here are in memory at once, and of one head at least.</summary>
    private const long ScoreBytes = 256L << 20;

    public override void Attend<TShape>(Activation qkv, Activation y, TShape shape = default)
    {
        Enter();
        AttentionDimensions s = SizesOf(shape);
        long elements = (long)s.Tokens * s.Heads * s.HeadChannels;
        BatchView<float> from = Floats(qkv, 3 * elements, Access.Read), to = Floats(y, elements, Access.Write);
        if (_device.Options.HalfPrecision) AttendHalf(s, from, to);
        else if (_device.HasTensorCores) AttendInTiles<TShape>(s, from, to);
        else AttendExactly<TShape>(s, from, to);
    }

    /// <summary>The sums of <see cref="AttendExactly"/>, in tiles.</summary>
    private void AttendInTiles<TShape>(AttentionDimensions s, BatchView<float> qkv, BatchView<float> y)
        where TShape : struct, IAttentionShape
    {
        long tokens = s.Tokens, tokenRow = RepackKernels.FloatWords(s.Tokens), row = RepackKernels.FloatWords(s.HeadChannels);
        long headWords = tokens * (2 * row + tokenRow + s.Tokens + AttentionKernels.Lanes) + s.HeadChannels * tokenRow;
        int heads = Batch * s.Heads;
        Scratch scratch = ReserveHeads(4 * headWords, heads, out int atOnce);
        var a = new AttentionArguments
        {
            Shape = s, Qkv = qkv, Output = y, RowQueries = scratch.Take<float>(atOnce * tokens * row), RowKeys = scratch.Take<float>(atOnce * tokens * row),
            RowValues = scratch.Take<float>(atOnce * s.HeadChannels * tokenRow), Scores = scratch.Take<float>(atOnce * tokens * tokens),
            Exponentials = scratch.Take<float>(atOnce * tokens * tokenRow), ExponentialRow = (int)tokenRow, Sums = scratch.Take<float>(atOnce * tokens * AttentionKernels.Lanes),
        };
        for (a.FirstHead = 0; a.FirstHead < heads; a.FirstHead += atOnce)
        {
            int count = a.HeadCount = Math.Min(atOnce, heads - a.FirstHead);
            Launch(AttentionKernels.Rows, count * Math.Max(tokens * row, s.HeadChannels * tokenRow), a);
            LaunchProduct(ProductKind.Floats, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.Tokens, DepthWords = (int)row, A = a.RowQueries.Cast<int>(), B = a.RowKeys.Cast<int>(), C = a.Scores,
                PerImage = 1, ImageStride = tokens * tokens, RowStride = s.Tokens, Scale = (float)(1 / Math.Sqrt(s.HeadChannels)), Sums = a.Sums, RowSums = a.Sums.Cast<int>(), ColumnSums = a.Sums.Cast<int>(),
            });
            Launch<TShape, AttentionArguments>(AttentionKernels.ExponentialsLiteral<TShape>, AttentionKernels.ExponentialsDynamic, count * tokens * AttentionKernels.Lanes, a);
            LaunchProduct(ProductKind.Floats, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.HeadChannels, DepthWords = (int)tokenRow, A = a.Exponentials.Cast<int>(), B = a.RowValues.Cast<int>(), C = y.Elements,
                First = a.FirstHead, PerImage = s.Heads, ImageStride = y.Stride, HeadStride = s.HeadChannels, RowStride = s.Heads * s.HeadChannels, Scale = 1f, HasSums = 1,
                Sums = a.Sums, RowSums = a.Sums.Cast<int>(), ColumnSums = a.Sums.Cast<int>(),
            });
        }
    }

    private void AttendExactly<TShape>(AttentionDimensions s, BatchView<float> qkv, BatchView<float> y)
        where TShape : struct, IAttentionShape
    {
        long tokens = s.Tokens, blocks = (tokens + 3) / 4;
        int heads = Batch * s.Heads;
        Scratch scratch = ReserveHeads(4 * tokens * (2 * tokens + AttentionKernels.Lanes), heads, out int atOnce);
        var a = new AttentionArguments
        {
            Shape = s, Scale = (float)(1 / Math.Sqrt(s.HeadChannels)), Qkv = qkv, Output = y, Scores = scratch.Take<float>(atOnce * tokens * tokens),
            Exponentials = scratch.Take<float>(atOnce * tokens * tokens), ExponentialRow = s.Tokens, Sums = scratch.Take<float>(atOnce * tokens * AttentionKernels.Lanes),
        };
        a.RowQueries = a.RowKeys = a.RowValues = a.Scores;
        for (a.FirstHead = 0; a.FirstHead < heads; a.FirstHead += atOnce)
        {
            a.HeadCount = Math.Min(atOnce, heads - a.FirstHead);
            Launch<TShape, AttentionArguments>(AttentionKernels.ScoresLiteral<TShape>, AttentionKernels.ScoresDynamic, a.HeadCount * blocks * blocks, a);
            Launch<TShape, AttentionArguments>(AttentionKernels.ExponentialsLiteral<TShape>, AttentionKernels.ExponentialsDynamic, a.HeadCount * tokens * AttentionKernels.Lanes, a);
            Launch<TShape, AttentionArguments>(AttentionKernels.ValuesLiteral<TShape>, AttentionKernels.ValuesDynamic, a.HeadCount * blocks * ((s.HeadChannels + 3) / 4), a);
        }
    }

    public override void Attend<TShape>(Activation qkv, Activation y, Quantization query, Quantization key, Quantization value, TShape shape = default)
    {
        Enter();
        AttentionDimensions s = SizesOf(shape);
        if (Math.Max(s.Tokens, s.HeadChannels) * 255L * 255 > int.MaxValue)
            throw new ArgumentException($"Attention over {s.Tokens} tokens with {s.HeadChannels} channels a head can leave 32 bits when its products are quantized; leave them in FP32.");
        long tokens = s.Tokens, tokenWords = QuantizedAttention.RowWords(s.Tokens), channelWords = QuantizedAttention.RowWords(s.HeadChannels);
        long elements = tokens * s.Heads * s.HeadChannels, lanes = tokens * AttentionKernels.Lanes;
        long headWords = tokens * (2 * channelWords + tokenWords + s.Tokens + 2 * AttentionKernels.Lanes + 2) + s.HeadChannels * tokenWords;
        int heads = Batch * s.Heads;
        BatchView<float> to = Floats(y, elements, Access.Write);
        Scratch scratch = ReserveHeads(4 * headWords, heads, out int atOnce);
        var a = new QuantizedAttentionArguments
        {
            Shape = s, Qkv = Floats(qkv, 3 * elements, Access.Read), Query = AffineQuantizer.Of(Checked(query)), Key = AffineQuantizer.Of(Checked(key)), Value = AffineQuantizer.Of(Checked(value)),
            Queries = scratch.Take<int>(atOnce * tokens * channelWords), Keys = scratch.Take<int>(atOnce * tokens * channelWords),
            Values = scratch.Take<int>(atOnce * s.HeadChannels * tokenWords), Exponentials = scratch.Take<int>(atOnce * tokens * tokenWords),
            QuerySums = scratch.Take<int>(atOnce * tokens), KeySums = scratch.Take<int>(atOnce * tokens),
            Scores = scratch.Take<float>(atOnce * tokens * tokens), Sums = scratch.Take<float>(atOnce * lanes), IntegerSums = scratch.Take<int>(atOnce * lanes),
        };
        for (a.FirstHead = 0; a.FirstHead < heads; a.FirstHead += atOnce)
        {
            int count = a.HeadCount = Math.Min(atOnce, heads - a.FirstHead);
            Launch(QuantizedAttention.Convert, count * Math.Max(tokens * channelWords, s.HeadChannels * tokenWords), a);
            LaunchProduct(ProductKind.Bytes, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.Tokens, DepthWords = (int)channelWords, A = a.Queries, B = a.Keys, C = a.Scores,
                PerImage = 1, ImageStride = tokens * tokens, RowStride = s.Tokens, Scale = query.Scale * key.Scale * (float)(1 / Math.Sqrt(s.HeadChannels)), Sums = a.Sums,
                RowFactor = 128 - key.ZeroPoint, RowParts = 1, RowSums = a.QuerySums, ColumnFactor = query.ZeroPoint, ColumnSums = a.KeySums,
            });
            Launch(QuantizedAttention.Exponentiate, count * lanes, a);
            LaunchProduct(ProductKind.Bytes, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.HeadChannels, DepthWords = (int)tokenWords, A = a.Exponentials, B = a.Values, C = to.Elements,
                First = a.FirstHead, PerImage = s.Heads, ImageStride = to.Stride, HeadStride = s.HeadChannels, RowStride = s.Heads * s.HeadChannels,
                Scale = value.Scale / QuantizedAttention.Levels, HasSums = 1, Sums = a.Sums,
                RowFactor = 128 - value.ZeroPoint, RowParts = AttentionKernels.Lanes, RowSums = a.IntegerSums, ColumnSums = a.KeySums,
            });
        }
    }

    private void AttendHalf(AttentionDimensions s, BatchView<float> qkv, BatchView<float> y)
    {
        long tokens = s.Tokens, tokenWords = HalfAttention.RowWords(s.Tokens), channelWords = HalfAttention.RowWords(s.HeadChannels);
        long headWords = tokens * (2 * channelWords + tokenWords + s.Tokens + AttentionKernels.Lanes) + s.HeadChannels * tokenWords;
        int heads = Batch * s.Heads, all = s.Heads * s.HeadChannels;
        Scratch scratch = ReserveHeads(4 * headWords, heads, out int atOnce);
        var a = new HalfAttentionArguments
        {
            Shape = s, Qkv = qkv, Queries = scratch.Take<int>(atOnce * tokens * channelWords), Keys = scratch.Take<int>(atOnce * tokens * channelWords),
            Values = scratch.Take<int>(atOnce * s.HeadChannels * tokenWords), Exponentials = scratch.Take<int>(atOnce * tokens * tokenWords),
            Scores = scratch.Take<float>(atOnce * tokens * tokens), Sums = scratch.Take<float>(atOnce * tokens * AttentionKernels.Lanes),
        };
        for (a.FirstHead = 0; a.FirstHead < heads; a.FirstHead += atOnce)
        {
            int count = a.HeadCount = Math.Min(atOnce, heads - a.FirstHead);
            Launch(HalfAttention.Convert, count * Math.Max(tokens * channelWords, s.HeadChannels * tokenWords), a);
            LaunchProduct(ProductKind.Halves, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.Tokens, DepthWords = (int)channelWords, A = a.Queries, B = a.Keys, C = a.Scores,
                PerImage = 1, ImageStride = tokens * tokens, RowStride = s.Tokens, Scale = (float)(1 / Math.Sqrt(s.HeadChannels)), Sums = a.Sums, RowSums = a.Queries, ColumnSums = a.Queries,
            });
            Launch(HalfAttention.Exponentiate, count * tokens * AttentionKernels.Lanes, a);
            LaunchProduct(ProductKind.Halves, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.HeadChannels, DepthWords = (int)tokenWords, A = a.Exponentials, B = a.Values, C = y.Elements,
                First = a.FirstHead, PerImage = s.Heads, ImageStride = y.Stride, HeadStride = s.HeadChannels, RowStride = all, Scale = 1f, HasSums = 1, Sums = a.Sums, RowSums = a.Queries, ColumnSums = a.Queries,
            });
        }
    }

    private enum ProductKind
    {
        Bytes,
        Halves,
        Floats,
    }

    private void LaunchProduct(ProductKind kind, in ProductArguments a)
    {
        if (!_device.HasTensorCores)
        {
            Launch(kind == ProductKind.Halves ? DirectProduct.Halves : DirectProduct.Bytes, (long)a.Count * a.Rows * a.Columns, a);
            return;
        }

        TileKind tile = TensorTile.Choose(a.Count, a.Rows, a.Columns, kind == ProductKind.Floats, _device.Accelerator.NumMultiprocessors);
        LaunchGroups((tile, kind) switch
        {
            (TileKind.Wide, ProductKind.Halves) => TensorProduct.WideHalf,
            (TileKind.Wide, _) => TensorProduct.WideBytes,
            (TileKind.Large, ProductKind.Halves) => TensorProduct.LargeHalf,
            (TileKind.Large, ProductKind.Floats) => TensorProduct.LargeFloat,
            (TileKind.Large, _) => TensorProduct.LargeBytes,
            (_, ProductKind.Halves) => TensorProduct.SmallHalf,
            (_, ProductKind.Floats) => TensorProduct.SmallFloat,
            _ => TensorProduct.SmallBytes,
        }, TensorProduct.Groups(a, tile), TensorConvolution.Threads, a);
    }

    private static AttentionDimensions SizesOf<TShape>(TShape shape)
        where TShape : struct, IAttentionShape
    {
        AttentionDimensions s = AttentionDimensions.Of(shape);
        return s.Tokens >= 1 && s.Heads >= 1 && s.HeadChannels >= 1 ? s
            : throw new ArgumentException($"Attention over {s.Tokens} tokens, {s.Heads} heads of {s.HeadChannels} channels is not usable: all must be positive.");
    }

    /// <summary>Working memory for as many heads at once as fit, and one at least.</summary>
    private Scratch ReserveHeads(long headBytes, int heads, out int atOnce)
    {
        atOnce = (int)Math.Clamp(ScoreBytes / headBytes, 1, heads);
        // Each part starts at a multiple of 64.
        return new(Working(headBytes * atOnce + 9 * 64));
    }

    /// <summary>Parts of the working memory, one after the other.</summary>
    private struct Scratch(ArrayView<byte> memory)
    {
        private long _next;

        public ArrayView<T> Take<T>(long count)
            where T : unmanaged
        {
            ArrayView<byte> part = memory.SubView(_next, 4 * count);
            _next += (4 * count + 63) & ~63L;
            return part.Cast<T>();
        }
    }
}
