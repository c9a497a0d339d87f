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
        AttentionExtents s = Usable(AttentionExtents.Of(shape));
        BatchView<float> from = Floats(qkv, 3 * Elements(s), Access.Read);
        Attend<TShape>(s, from, from, Floats(y, Elements(s), Access.Write));
    }

    public override void AttendCross<TShape>(Activation query, Activation context, Activation y, TShape shape = default)
    {
        Enter();
        AttentionExtents s = Usable(AttentionExtents.OfCross(shape));
        // Kernels of attention over a context take any shape.
        Attend<AttentionDimensions>(s, Floats(query, Elements(s), Access.Read), Context(s, context), Floats(y, Elements(s), Access.Write));
    }

    public override void Attend<TShape>(Activation qkv, Activation y, Quantization query, Quantization key, Quantization value, TShape shape = default)
    {
        Enter();
        AttentionExtents s = Usable(AttentionExtents.Of(shape));
        BatchView<float> from = Floats(qkv, 3 * Elements(s), Access.Read);
        Attend(s, from, from, Floats(y, Elements(s), Access.Write), Checked(query), Checked(key), Checked(value));
    }

    public override void AttendCross<TShape>(Activation query, Activation context, Activation y, Quantization ofQuery, Quantization ofKey, Quantization ofValue, TShape shape = default)
    {
        Enter();
        AttentionExtents s = Usable(AttentionExtents.OfCross(shape));
        Attend(s, Floats(query, Elements(s), Access.Read), Context(s, context), Floats(y, Elements(s), Access.Write), Checked(ofQuery), Checked(ofKey), Checked(ofValue));
    }

    private static long Elements(AttentionExtents s) => (long)s.Tokens * s.Heads * s.HeadChannels;

    private BatchView<float> Context(AttentionExtents s, Activation context) => Floats(context, 2L * s.ContextTokens * s.Heads * s.HeadChannels, Access.Read);

    private static AttentionExtents Usable(AttentionExtents s)
    {
        CheckAttention(s.Tokens, s.ContextTokens, s.Heads, s.HeadChannels);
        return s;
    }

    private void Attend<TShape>(AttentionExtents s, BatchView<float> query, BatchView<float> keyValue, BatchView<float> y)
        where TShape : struct, IAttentionShape
    {
        if (_device.Options.HalfPrecision) AttendHalf(s, query, keyValue, y);
        else if (_device.HasTensorCores) AttendInTiles<TShape>(s, query, keyValue, y);
        else AttendExactly<TShape>(s, query, keyValue, y);
    }

    /// <summary>The sums of <see cref="AttendExactly"/>, in tiles.</summary>
    private void AttendInTiles<TShape>(AttentionExtents s, BatchView<float> query, BatchView<float> keyValue, BatchView<float> y)
        where TShape : struct, IAttentionShape
    {
        long tokens = s.Tokens, keys = s.ContextTokens, keyRow = RepackKernels.FloatWords(s.ContextTokens), row = RepackKernels.FloatWords(s.HeadChannels);
        long headWords = tokens * (row + keyRow + keys + AttentionKernels.Lanes) + keys * row + s.HeadChannels * keyRow;
        int heads = Batch * s.Heads;
        Scratch scratch = ReserveHeads(4 * headWords, heads, out int atOnce);
        var a = new AttentionArguments
        {
            Shape = s, Query = query, KeyValue = keyValue, Output = y, RowQueries = scratch.Take<float>(atOnce * tokens * row), RowKeys = scratch.Take<float>(atOnce * keys * row),
            RowValues = scratch.Take<float>(atOnce * s.HeadChannels * keyRow), Scores = scratch.Take<float>(atOnce * tokens * keys),
            Exponentials = scratch.Take<float>(atOnce * tokens * keyRow), ExponentialRow = (int)keyRow, Sums = scratch.Take<float>(atOnce * tokens * AttentionKernels.Lanes),
        };
        for (a.FirstHead = 0; a.FirstHead < heads; a.FirstHead += atOnce)
        {
            int count = a.HeadCount = Math.Min(atOnce, heads - a.FirstHead);
            Launch(AttentionKernels.Rows, count * Math.Max(Math.Max(tokens, keys) * row, s.HeadChannels * keyRow), a);
            LaunchProduct(ProductKind.Floats, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.ContextTokens, DepthWords = (int)row, A = a.RowQueries.Cast<int>(), B = a.RowKeys.Cast<int>(), C = a.Scores,
                PerImage = 1, ImageStride = tokens * keys, RowStride = s.ContextTokens, Scale = (float)(1 / Math.Sqrt(s.HeadChannels)), Sums = a.Sums, RowSums = a.Sums.Cast<int>(), ColumnSums = a.Sums.Cast<int>(),
            });
            Launch<TShape, AttentionArguments>(AttentionKernels.ExponentialsLiteral<TShape>, AttentionKernels.ExponentialsDynamic, count * tokens * AttentionKernels.Lanes, a);
            LaunchProduct(ProductKind.Floats, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.HeadChannels, DepthWords = (int)keyRow, A = a.Exponentials.Cast<int>(), B = a.RowValues.Cast<int>(), C = y.Elements,
                First = a.FirstHead, PerImage = s.Heads, ImageStride = y.Stride, HeadStride = s.HeadChannels, RowStride = s.Heads * s.HeadChannels, Scale = 1f, HasSums = 1,
                Sums = a.Sums, RowSums = a.Sums.Cast<int>(), ColumnSums = a.Sums.Cast<int>(),
            });
        }
    }

    private void AttendExactly<TShape>(AttentionExtents s, BatchView<float> query, BatchView<float> keyValue, BatchView<float> y)
        where TShape : struct, IAttentionShape
    {
        long tokens = s.Tokens, keys = s.ContextTokens, blocks = (tokens + 3) / 4;
        int heads = Batch * s.Heads;
        Scratch scratch = ReserveHeads(4 * tokens * (2 * keys + AttentionKernels.Lanes), heads, out int atOnce);
        var a = new AttentionArguments
        {
            Shape = s, Scale = (float)(1 / Math.Sqrt(s.HeadChannels)), Query = query, KeyValue = keyValue, Output = y, Scores = scratch.Take<float>(atOnce * tokens * keys),
            Exponentials = scratch.Take<float>(atOnce * tokens * keys), ExponentialRow = s.ContextTokens, Sums = scratch.Take<float>(atOnce * tokens * AttentionKernels.Lanes),
        };
        a.RowQueries = a.RowKeys = a.RowValues = a.Scores;
        for (a.FirstHead = 0; a.FirstHead < heads; a.FirstHead += atOnce)
        {
            a.HeadCount = Math.Min(atOnce, heads - a.FirstHead);
            Launch<TShape, AttentionArguments>(AttentionKernels.ScoresLiteral<TShape>, AttentionKernels.ScoresDynamic, a.HeadCount * blocks * ((keys + 3) / 4), a);
            Launch<TShape, AttentionArguments>(AttentionKernels.ExponentialsLiteral<TShape>, AttentionKernels.ExponentialsDynamic, a.HeadCount * tokens * AttentionKernels.Lanes, a);
            Launch<TShape, AttentionArguments>(AttentionKernels.ValuesLiteral<TShape>, AttentionKernels.ValuesDynamic, a.HeadCount * blocks * ((s.HeadChannels + 3) / 4), a);
        }
    }

    private void Attend(AttentionExtents s, BatchView<float> from, BatchView<float> keyValue, BatchView<float> to, Quantization query, Quantization key, Quantization value)
    {
        CheckQuantizedAttention(s.ContextTokens, s.HeadChannels);
        long tokens = s.Tokens, keys = s.ContextTokens, keyWords = QuantizedAttention.RowWords(s.ContextTokens), channelWords = QuantizedAttention.RowWords(s.HeadChannels);
        long lanes = tokens * AttentionKernels.Lanes;
        long headWords = tokens * (channelWords + keyWords + keys + 2 * AttentionKernels.Lanes + 1) + keys * (channelWords + 1) + s.HeadChannels * keyWords;
        int heads = Batch * s.Heads;
        Scratch scratch = ReserveHeads(4 * headWords, heads, out int atOnce);
        var a = new QuantizedAttentionArguments
        {
            Shape = s, QueryMap = from, KeyValue = keyValue, Query = AffineQuantizer.Of(query), Key = AffineQuantizer.Of(key), Value = AffineQuantizer.Of(value),
            Queries = scratch.Take<int>(atOnce * tokens * channelWords), Keys = scratch.Take<int>(atOnce * keys * channelWords),
            Values = scratch.Take<int>(atOnce * s.HeadChannels * keyWords), Exponentials = scratch.Take<int>(atOnce * tokens * keyWords),
            QuerySums = scratch.Take<int>(atOnce * tokens), KeySums = scratch.Take<int>(atOnce * keys),
            Scores = scratch.Take<float>(atOnce * tokens * keys), Sums = scratch.Take<float>(atOnce * lanes), IntegerSums = scratch.Take<int>(atOnce * lanes),
        };
        for (a.FirstHead = 0; a.FirstHead < heads; a.FirstHead += atOnce)
        {
            int count = a.HeadCount = Math.Min(atOnce, heads - a.FirstHead);
            Launch(QuantizedAttention.Convert, count * Math.Max(Math.Max(tokens, keys) * channelWords, s.HeadChannels * keyWords), a);
            LaunchProduct(ProductKind.Bytes, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.ContextTokens, DepthWords = (int)channelWords, A = a.Queries, B = a.Keys, C = a.Scores,
                PerImage = 1, ImageStride = tokens * keys, RowStride = s.ContextTokens, Scale = query.Scale * key.Scale * (float)(1 / Math.Sqrt(s.HeadChannels)), Sums = a.Sums,
                RowFactor = 128 - key.ZeroPoint, RowParts = 1, RowSums = a.QuerySums, ColumnFactor = query.ZeroPoint, ColumnSums = a.KeySums,
            });
            Launch(QuantizedAttention.Exponentiate, count * lanes, a);
            LaunchProduct(ProductKind.Bytes, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.HeadChannels, DepthWords = (int)keyWords, A = a.Exponentials, B = a.Values, C = to.Elements,
                First = a.FirstHead, PerImage = s.Heads, ImageStride = to.Stride, HeadStride = s.HeadChannels, RowStride = s.Heads * s.HeadChannels,
                Scale = value.Scale / QuantizedAttention.Levels, HasSums = 1, Sums = a.Sums,
                RowFactor = 128 - value.ZeroPoint, RowParts = AttentionKernels.Lanes, RowSums = a.IntegerSums, ColumnSums = a.KeySums,
            });
        }
    }

    private void AttendHalf(AttentionExtents s, BatchView<float> query, BatchView<float> keyValue, BatchView<float> y)
    {
        long tokens = s.Tokens, keys = s.ContextTokens, keyWords = HalfAttention.RowWords(s.ContextTokens), channelWords = HalfAttention.RowWords(s.HeadChannels);
        long headWords = tokens * (channelWords + keyWords + keys + AttentionKernels.Lanes) + keys * channelWords + s.HeadChannels * keyWords;
        int heads = Batch * s.Heads, all = s.Heads * s.HeadChannels;
        Scratch scratch = ReserveHeads(4 * headWords, heads, out int atOnce);
        var a = new HalfAttentionArguments
        {
            Shape = s, Query = query, KeyValue = keyValue, Queries = scratch.Take<int>(atOnce * tokens * channelWords), Keys = scratch.Take<int>(atOnce * keys * channelWords),
            Values = scratch.Take<int>(atOnce * s.HeadChannels * keyWords), Exponentials = scratch.Take<int>(atOnce * tokens * keyWords),
            Scores = scratch.Take<float>(atOnce * tokens * keys), Sums = scratch.Take<float>(atOnce * tokens * AttentionKernels.Lanes),
        };
        for (a.FirstHead = 0; a.FirstHead < heads; a.FirstHead += atOnce)
        {
            int count = a.HeadCount = Math.Min(atOnce, heads - a.FirstHead);
            Launch(HalfAttention.Convert, count * Math.Max(Math.Max(tokens, keys) * channelWords, s.HeadChannels * keyWords), a);
            LaunchProduct(ProductKind.Halves, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.ContextTokens, DepthWords = (int)channelWords, A = a.Queries, B = a.Keys, C = a.Scores,
                PerImage = 1, ImageStride = tokens * keys, RowStride = s.ContextTokens, Scale = (float)(1 / Math.Sqrt(s.HeadChannels)), Sums = a.Sums, RowSums = a.Queries, ColumnSums = a.Queries,
            });
            Launch(HalfAttention.Exponentiate, count * tokens * AttentionKernels.Lanes, a);
            LaunchProduct(ProductKind.Halves, new()
            {
                Count = count, Rows = s.Tokens, Columns = s.HeadChannels, DepthWords = (int)keyWords, A = a.Exponentials, B = a.Values, C = y.Elements,
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
