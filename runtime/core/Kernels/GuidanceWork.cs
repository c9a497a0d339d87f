using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>Combines the halves of a guided batch and corrects the mean. An item is one drawn image.</summary>
internal unsafe struct GuidanceWork : IWork
{
    public int Images, Elements, Channels;
    public byte* Epsilon;
    public long Stride;
    public float Guidance, Gain;
    public float* Offsets;
    public bool CorrectMean;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int image = begin; image < end; image++)
        {
            float* conditional = (float*)(Epsilon + image * Stride), unconditional = (float*)(Epsilon + (Images + image) * Stride);
            for (int i = 0, channel = 0; i < Elements; i++)
            {
                float e = MathF.FusedMultiplyAdd(Guidance, conditional[i], (1f - Guidance) * unconditional[i]);
                conditional[i] = CorrectMean ? MathF.FusedMultiplyAdd(e, Gain, Offsets[channel]) : e;
                if (++channel == Channels) channel = 0;
            }
        }
    }
}
