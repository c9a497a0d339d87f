using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    public override void Attend<TShape>(Activation qkv, Activation y, TShape shape = default)
    {
        Enter();
        (int tokens, int heads, int channels) = SizesOf(shape);
        long elements = (long)tokens * heads * channels;
        Map from = Floats(qkv, 3 * elements), to = Floats(y, elements);
        int all = heads * channels;
        Attend(new AttentionWork
        {
            Tokens = tokens, ContextTokens = tokens, Heads = heads, HeadChannels = channels, Scale = (float)(1 / Math.Sqrt(channels)),
            Query = from.Start, QueryStride = from.Stride, QueryPixel = 3 * all,
            KeyValue = from.Start + all * sizeof(float), KeyValueStride = from.Stride, ContextPixel = 3 * all,
            Output = to.Start, OutputStride = to.Stride,
        });
    }

    public override void AttendCross<TShape>(Activation query, Activation context, Activation y, TShape shape = default)
    {
        Enter();
        (int tokens, int contextTokens, int heads, int channels) = CrossSizesOf(shape);
        int all = heads * channels;
        Map from = Floats(query, (long)tokens * all), keyValue = Floats(context, 2L * contextTokens * all), to = Floats(y, (long)tokens * all);
        Attend(new AttentionWork
        {
            Tokens = tokens, ContextTokens = contextTokens, Heads = heads, HeadChannels = channels, Causal = shape.Causal, Scale = (float)(1 / Math.Sqrt(channels)),
            Query = from.Start, QueryStride = from.Stride, QueryPixel = all,
            KeyValue = keyValue.Start, KeyValueStride = keyValue.Stride, ContextPixel = 2 * all,
            Output = to.Start, OutputStride = to.Stride,
        });
    }

    private void Attend(AttentionWork work)
    {
        work.Wide = _wide;
        work.Plan();
        int all = Batch * work.Heads;
        long packed = all * work.PackedLength * sizeof(float);
        byte* scratch = _scratch.Reserve(packed + work.ScratchStride * _pool.Threads);
        work.Packed = (float*)scratch;
        work.Scratch = scratch + packed;
        var pack = new AttentionPack { Attention = work };
        Run(all * pack.ItemsPerHead, ref pack, Grain(16L * work.HeadChannels, 0.3));
        Run(all * work.QueryBlocks, ref work, Grain((long)work.ContextTokens * work.HeadChannels, 0.2));
    }

    public override void Attend<TShape>(Activation qkv, Activation y, Quantization query, Quantization key, Quantization value, TShape shape = default)
    {
        Enter();
        (int tokens, int heads, int channels) = SizesOf(shape);
        long elements = (long)tokens * heads * channels;
        int all = heads * channels;
        Map from = Floats(qkv, 3 * elements), to = Floats(y, elements);
        Attend(query, key, value, new()
        {
            Tokens = tokens, ContextTokens = tokens, Heads = heads, HeadChannels = channels,
            Query = from.Start, QueryStride = from.Stride, QueryPixel = 3 * all,
            KeyValue = from.Start + all * sizeof(float), KeyValueStride = from.Stride, ContextPixel = 3 * all,
            Output = to.Start, OutputStride = to.Stride,
        });
    }

    public override void AttendCross<TShape>(Activation query, Activation context, Activation y, Quantization ofQuery, Quantization ofKey, Quantization ofValue, TShape shape = default)
    {
        Enter();
        (int tokens, int contextTokens, int heads, int channels) = CrossSizesOf(shape);
        int all = heads * channels;
        Map from = Floats(query, (long)tokens * all), keyValue = Floats(context, 2L * contextTokens * all), to = Floats(y, (long)tokens * all);
        Attend(ofQuery, ofKey, ofValue, new()
        {
            Tokens = tokens, ContextTokens = contextTokens, Heads = heads, HeadChannels = channels, Causal = shape.Causal,
            Query = from.Start, QueryStride = from.Stride, QueryPixel = all,
            KeyValue = keyValue.Start, KeyValueStride = keyValue.Stride, ContextPixel = 2 * all,
            Output = to.Start, OutputStride = to.Stride,
        });
    }

    private void Attend(Quantization query, Quantization key, Quantization value, QuantizedAttentionWork work)
    {
        int channels = work.HeadChannels, all = Batch * work.Heads;
        CheckQuantizedAttention(work.ContextTokens, channels);
        work.Wide = _wide;
        work.ScoreScale = query.Scale * key.Scale * (float)(1 / Math.Sqrt(channels));
        work.ValueScale = value.Scale / Softmax.Levels;
        work.Plan();
        long packed = (all * work.PackedLength * sizeof(int) + 63) & ~63L;
        byte* scratch = _scratch.Reserve(packed + work.ScratchStride * _pool.Threads);
        work.Packed = (int*)scratch;
        work.Scratch = scratch + packed;
        var pack = new QuantizedAttentionPack
        {
            Attention = work, Query = new(Checked(query), centred: true), Key = new(Checked(key), centred: true), Value = new(Checked(value), centred: true),
        };
        Run(all, ref pack);
        Run(all * work.QueryBlocks, ref work, Grain((long)work.ContextTokens * channels, 0.2));
    }

    private static (int Tokens, int ContextTokens, int Heads, int Channels) CrossSizesOf<TShape>(TShape shape)
        where TShape : struct, ICrossAttentionShape
    {
        CheckAttention(shape.Tokens, shape.ContextTokens, shape.Heads, shape.HeadChannels);
        return (shape.Tokens, shape.ContextTokens, shape.Heads, shape.HeadChannels);
    }

    private static (int Tokens, int Heads, int Channels) SizesOf<TShape>(TShape shape)
        where TShape : struct, IAttentionShape
    {
        CheckAttention(shape.Tokens, shape.Tokens, shape.Heads, shape.HeadChannels);
        return (shape.Tokens, shape.Heads, shape.HeadChannels);
    }
}
