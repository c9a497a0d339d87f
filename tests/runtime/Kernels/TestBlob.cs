using System.Runtime.InteropServices;

namespace Specializer.Kernels.Tests;

/// <summary>Packs weights as docs/weights.md says, written apart from the build task's packer.</summary>
internal sealed class TestBlob
{
    private readonly List<byte> _bytes = [.. new byte[128]];

    public PackedWeights Build()
    {
        Align();
        return PackedWeights.Write(_bytes.Count, stream => stream.Write(CollectionsMarshal.AsSpan(_bytes)));
    }

    /// <summary>Weights are [output][tap][input].</summary>
    public ConvolutionWeights Add(ConvolutionShape s, sbyte[] weights, float[] scales, float[] bias)
    {
        long offset = Align();
        int taps = s.KernelSize * s.KernelSize, panels = (s.OutputChannels + 15) / 16, groups = (s.InputChannels + 3) / 4;
        var block = new sbyte[64];
        for (int panel = 0; panel < panels; panel++)
            for (int tap = 0; tap < taps; tap++)
                for (int group = 0; group < groups; group++)
                {
                    for (int e = 0; e < 64; e++)
                    {
                        int output = panel * 16 + e / 4, input = group * 4 + e % 4;
                        block[e] = output < s.OutputChannels && input < s.InputChannels ? weights[(output * taps + tap) * s.InputChannels + input] : (sbyte)0;
                    }

                    for (int j = 0; j < (s.WeightBits == 8 ? 64 : 32); j++)
                        _bytes.Add(s.WeightBits == 8 ? (byte)block[j] : (byte)(block[j] & 15 | block[j + 32] << 4));
                }

        Add(scales, panels * 16);
        Add(bias, panels * 16);
        Align();
        for (int output = 0; output < panels * 16; output++)
        {
            int sum = 0;
            for (int i = 0; output < s.OutputChannels && i < taps * s.InputChannels; i++) sum += weights[output * taps * s.InputChannels + i];
            _bytes.AddRange(BitConverter.GetBytes(sum));
        }

        return new(offset);
    }

    /// <summary>FP32 weights, or those of a shape of 16 bits in FP16, [output][tap][input].</summary>
    public ConvolutionWeights Add(ConvolutionShape s, float[] weights, float[] bias)
    {
        long offset = Align();
        int rows = s.KernelSize * s.KernelSize * s.InputChannels;
        AddPanels(weights, s.OutputChannels, rows, s.WeightBits == 16);
        Add(bias, (s.OutputChannels + 15) / 16 * 16);
        return new(offset);
    }

    /// <summary>A table in FP16 and positions in FP32.</summary>
    public TableWeights AddTable(Half[] table, float[] positions)
    {
        long offset = Align();
        _bytes.AddRange(MemoryMarshal.AsBytes<Half>(table));
        Add(positions, positions.Length);
        return new(offset);
    }

    public NormWeights AddNorm(float[] gamma, float[] beta)
    {
        long offset = Align();
        Add(gamma, gamma.Length);
        Add(beta, beta.Length);
        return new(offset);
    }

    public EmbeddingWeights AddVectors(float[] table)
    {
        long offset = Align();
        Add(table, table.Length);
        return new(offset);
    }

    /// <summary>Projections are [vector element][embedding].</summary>
    public EmbeddingWeights AddEmbedding(EmbeddingShape s, float[] time, float[] labels, float[] projections, float[] bias)
    {
        long offset = Align();
        Add(time, time.Length);
        Add(labels, labels.Length);
        Align();
        AddPanels(projections, s.Vectors, s.Embedding);
        Add(bias, (s.Vectors + 15) / 16 * 16);
        return new(offset);
    }

    private void AddPanels(float[] weights, int outputs, int rows, bool halves = false)
    {
        for (int panel = 0; panel < (outputs + 15) / 16; panel++)
            for (int row = 0; row < rows; row++)
                for (int o = panel * 16; o < panel * 16 + 16; o++)
                {
                    float weight = o < outputs ? weights[o * rows + row] : 0f;
                    _bytes.AddRange(halves ? BitConverter.GetBytes((Half)weight) : BitConverter.GetBytes(weight));
                }
    }

    private void Add(float[] values, int padded)
    {
        Align();
        _bytes.AddRange(MemoryMarshal.AsBytes<float>(values));
        _bytes.AddRange(new byte[4 * (padded - values.Length)]);
    }

    private long Align()
    {
        while (_bytes.Count % 64 != 0) _bytes.Add(0);
        return _bytes.Count;
    }
}
