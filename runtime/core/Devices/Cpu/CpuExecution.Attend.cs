using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    public override void Attend<TShape>(Activation qkv, Activation y, TShape shape = default)
    {
        Enter();
        int tokens = shape.Tokens, heads = shape.Heads, channels = shape.HeadChannels;
        if (tokens < 1 || heads < 1 || channels < 1)
            throw new ArgumentException($"Attention over {tokens} tokens, {heads} heads of {channels} channels is not usable: all must be positive.");
        long elements = (long)tokens * heads * channels;
        Map from = Floats(qkv, 3 * elements), to = Floats(y, elements);
        var work = new AttentionWork
        {
            Tokens = tokens, Heads = heads, HeadChannels = channels, Scale = (float)(1 / Math.Sqrt(channels)),
            Qkv = from.Start, QkvStride = from.Stride, Output = to.Start, OutputStride = to.Stride,
        };
        work.Plan();
        long packed = Batch * heads * work.PackedLength * sizeof(float);
        byte* scratch = _scratch.Reserve(packed + work.ScratchStride * _pool.Threads);
        work.Packed = (float*)scratch;
        work.Scratch = scratch + packed;
        var pack = new AttentionPack { Attention = work };
        Run(Batch * heads, ref pack);
        Run(Batch * heads * work.QueryBlocks, ref work, Grain((long)tokens * channels));
    }
}
