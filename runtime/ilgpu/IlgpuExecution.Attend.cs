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
        AttentionDimensions s = AttentionDimensions.Of(shape);
        if (s.Tokens < 1 || s.Heads < 1 || s.HeadChannels < 1)
            throw new ArgumentException($"Attention over {s.Tokens} tokens, {s.Heads} heads of {s.HeadChannels} channels is not usable: all must be positive.");
        long tokens = s.Tokens, elements = tokens * s.Heads * s.HeadChannels, headBytes = 4 * tokens * (tokens + 16);
        int heads = Batch * s.Heads, atOnce = (int)Math.Clamp(ScoreBytes / headBytes, 1, heads);
        ArrayView<float> scratch = _scratch.Reserve(headBytes * atOnce).Cast<float>();
        var a = new AttentionArguments
        {
            Shape = s, Scale = (float)(1 / Math.Sqrt(s.HeadChannels)), Qkv = Floats(qkv, 3 * elements), Output = Floats(y, elements),
            Scores = scratch.SubView(0, atOnce * tokens * tokens),
            Maxima = scratch.SubView(atOnce * tokens * tokens, atOnce * tokens * 8), Sums = scratch.SubView(atOnce * tokens * (tokens + 8), atOnce * tokens * 8),
        };
        long blocks = (tokens + 3) / 4;
        for (a.FirstHead = 0; a.FirstHead < heads; a.FirstHead += atOnce)
        {
            a.HeadCount = Math.Min(atOnce, heads - a.FirstHead);
            Launch<TShape, AttentionArguments>(AttentionKernels.ScoresLiteral<TShape>, AttentionKernels.ScoresDynamic, a.HeadCount * blocks * blocks, a);
            Launch<TShape, AttentionArguments>(AttentionKernels.MaximaLiteral<TShape>, AttentionKernels.MaximaDynamic, a.HeadCount * tokens * 8, a);
            Launch<TShape, AttentionArguments>(AttentionKernels.ExponentialsLiteral<TShape>, AttentionKernels.ExponentialsDynamic, a.HeadCount * tokens * 8, a);
            Launch<TShape, AttentionArguments>(AttentionKernels.ValuesLiteral<TShape>, AttentionKernels.ValuesDynamic, a.HeadCount * blocks * ((s.HeadChannels + 3) / 4), a);
        }
    }

    public override void Attend<TShape>(Activation qkv, Activation y, Quantization query, Quantization key, Quantization value, TShape shape = default) =>
        throw new DeviceCapabilityException("Attention with 8-bit products has no GPU kernels yet. Run this sampler on the CPU, or calibrate with attention in FP32.");
}
