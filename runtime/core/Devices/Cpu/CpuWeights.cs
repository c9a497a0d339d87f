using System.Collections.Concurrent;
using Specializer.Kernels;

namespace Specializer;

/// <summary>Packed weights on the CPU: read where they lie. Finds sections and refuses those that leave the blob.</summary>
internal sealed unsafe class CpuWeights(PackedWeights packed) : DeviceWeights
{
    private readonly ConcurrentDictionary<(long Offset, int Panels, int Taps, int Blocks, int Levels), NarrowRuns> _runs = new();

    private readonly ConcurrentDictionary<(long Offset, int Panels, int Taps, int Blocks, int Bits), int> _largestSums = new();

    /// <summary>A convolution's sections; scales and sums are null in floating point.</summary>
    public readonly ref struct Convolution(byte* panels, float* scales, float* bias, int* sums)
    {
        public byte* Panels { get; } = panels;
        public float* Scales { get; } = scales;
        public float* Bias { get; } = bias;
        public int* Sums { get; } = sums;
    }

    public Convolution Find(ConvolutionWeights weights, in ConvolutionGeometry g, int bits)
    {
        var walk = new Walk(packed, weights.Offset);
        long padded = (long)g.Panels * ConvolutionGeometry.PanelWidth, taps = (long)g.Panels * g.Taps;
        if (bits >= 16)
            return new(walk.Next(taps * g.InputChannels * (bits == 16 ? HalfTile<FloatTile>.PackedBlockBytes : FloatTile.PackedBlockBytes)), null, (float*)walk.Next(4 * padded), null);
        byte* panels = walk.Next(taps * g.ChannelGroups * (bits == 4 ? NibbleTile.PackedBlockBytes : WordTile.PackedBlockBytes));
        return new(panels, (float*)walk.Next(4 * padded), (float*)walk.Next(4 * padded), (int*)walk.Next(4 * padded));
    }

    /// <summary>How a 4-bit convolution gathers its sums: looked up, or found from its weights at first use.</summary>
    public NarrowRuns Runs(ConvolutionWeights weights, in ConvolutionGeometry g, in Convolution w, int levels)
    {
        var key = (weights.Offset, g.Panels, g.Taps, g.ChannelGroups, levels);
        if (_runs.TryGetValue(key, out NarrowRuns runs)) return runs;
        return _runs[key] = NarrowRuns.Of(w.Panels, g.Panels, g.Taps, g.ChannelGroups, levels);
    }

    /// <summary>What bounds an integer convolution's sums, see <see cref="Winograd.LargestSum"/>: looked up, or found from its weights at first use.</summary>
    public int LargestSum(ConvolutionWeights weights, in ConvolutionGeometry g, in Convolution w, int bits)
    {
        var key = (weights.Offset, g.Panels, g.Taps, g.ChannelGroups, bits);
        if (_largestSums.TryGetValue(key, out int sum)) return sum;
        int blocks = g.Taps * g.ChannelGroups;
        return _largestSums[key] = bits == 4 ? Winograd.LargestSum<NibbleSource>(w.Panels, g.Panels, blocks) : Winograd.LargestSum<WordSource>(w.Panels, g.Panels, blocks);
    }

    public void Find(NormWeights weights, int channels, out float* gamma, out float* beta)
    {
        var walk = new Walk(packed, weights.Offset);
        gamma = (float*)walk.Next(4L * channels);
        beta = (float*)walk.Next(4L * channels);
    }

    /// <summary>A table [rows, channels] of numbers of 16 or 32 bits and what follows it, FP32 [more, channels].</summary>
    public void Find(TableWeights weights, int rows, int tableBits, int more, int channels, out byte* table, out float* rest)
    {
        var walk = new Walk(packed, weights.Offset);
        table = walk.Next(tableBits / 8L * rows * channels);
        rest = (float*)walk.Next(4L * more * channels);
    }

    /// <summary>The table of folded vectors of an unconditional network.</summary>
    public float* FindVectors(EmbeddingWeights weights, int steps, int vectors) =>
        (float*)new Walk(packed, weights.Offset).Next(4L * steps * vectors);

    /// <summary>Tables and projections of a class-conditional network.</summary>
    public void Find(EmbeddingWeights weights, int steps, int classes, int embedding, int panels, out float* time, out float* labels, out byte* projection, out float* bias)
    {
        var walk = new Walk(packed, weights.Offset);
        time = (float*)walk.Next(4L * steps * embedding);
        labels = (float*)walk.Next(4L * classes * embedding);
        projection = walk.Next(64L * panels * embedding);
        bias = (float*)walk.Next(64L * panels);
    }

    public override void Dispose()
    {
    }

    /// <summary>Sections one after the other, each at a multiple of 64.</summary>
    private struct Walk(PackedWeights packed, long offset)
    {
        private long _offset = offset;

        public byte* Next(long bytes)
        {
            _offset = (_offset + 63) & ~63L;
            if (_offset < 0 || bytes > packed.Length - _offset)
                throw new ArgumentException($"A weight section of {bytes} bytes at {_offset} leaves the packed weights of {packed.Length} bytes: the weights belong to another model or layout. Rebuild the program.");
            byte* section = packed.Read(_offset, bytes);
            _offset += bytes;
            return section;
        }
    }
}
