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
        int tokens = shape.Tokens, contextTokens = shape.ContextTokens, heads = shape.Heads, channels = shape.HeadChannels, all = heads * channels;
        if (tokens < 1 || contextTokens < 1 || heads < 1 || channels < 1)
            throw new ArgumentException($"Attention of {tokens} tokens over {contextTokens}, {heads} heads of {channels} channels, is not usable: all must be positive.");
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
        if (Math.Max(tokens, channels) * 255L * 255 > int.MaxValue)
            throw new ArgumentException($"Attention over {tokens} tokens with {channels} channels a head can leave 32 bits when its products are quantized; leave them in FP32.");
        long elements = (long)tokens * heads * channels;
        Map from = Floats(qkv, 3 * elements), to = Floats(y, elements);
        var work = new QuantizedAttentionWork
        {
            Tokens = tokens, Heads = heads, HeadChannels = channels, ScoreScale = query.Scale * key.Scale * (float)(1 / Math.Sqrt(channels)), ValueScale = value.Scale / Softmax.Levels,
            Qkv = from.Start, QkvStride = from.Stride, Output = to.Start, OutputStride = to.Stride,
        };
        work.Plan();
        long packed = (Batch * heads * work.PackedLength * sizeof(int) + 63) & ~63L;
        byte* scratch = _scratch.Reserve(packed + work.ScratchStride * _pool.Threads);
        work.Packed = (int*)scratch;
        work.Scratch = scratch + packed;
        var pack = new QuantizedAttentionPack
        {
            Attention = work, Query = new(Checked(query), centred: true), Key = new(Checked(key), centred: true), Value = new(Checked(value), centred: true),
        };
        Run(Batch * heads, ref pack);
        Run(Batch * heads * work.QueryBlocks, ref work, Grain((long)tokens * channels, 0.2));
    }

    private static (int Tokens, int Heads, int Channels) SizesOf<TShape>(TShape shape)
        where TShape : struct, IAttentionShape
    {
        int tokens = shape.Tokens, heads = shape.Heads, channels = shape.HeadChannels;
        if (tokens < 1 || heads < 1 || channels < 1)
            throw new ArgumentException($"Attention over {tokens} tokens, {heads} heads of {channels} channels is not usable: all must be positive.");
        return (tokens, heads, channels);
    }
}
