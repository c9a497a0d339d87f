using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>Combines the two predictions of guided images and corrects their mean. An item is one of these images.</summary>
internal unsafe struct GuidanceWork : IWork
{
    /// <summary>Drawn images: behind them lie the predictions without condition.</summary>
    public int Images;
    public int Elements, Channels;
    public byte* Epsilon;
    public long Stride;
    /// <summary>A row for each guided image: <see cref="GuidanceCorrection.RowLength"/>.</summary>
    public float* Rows;
    public bool CorrectMean;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int image = begin; image < end; image++)
        {
            float* conditional = (float*)(Epsilon + image * Stride), unconditional = (float*)(Epsilon + (Images + image) * Stride);
            float* row = Rows + (long)image * GuidanceCorrection.RowLength(Channels), offsets = row + GuidanceCorrection.FirstOffset;
            float guidance = row[GuidanceCorrection.GuidanceAt], gain = row[GuidanceCorrection.GainAt];
            for (int i = 0, channel = 0; i < Elements; i++)
            {
                float e = MathF.FusedMultiplyAdd(guidance, conditional[i], (1f - guidance) * unconditional[i]);
                conditional[i] = CorrectMean ? MathF.FusedMultiplyAdd(e, gain, offsets[channel]) : e;
                if (++channel == Channels) channel = 0;
            }
        }
    }
}
