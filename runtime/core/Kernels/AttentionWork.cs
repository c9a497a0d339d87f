using System.Runtime.Intrinsics;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>Packs the keys and values of attention as right-hand sides. An item is sixteen tokens of one head of one image.</summary>
internal unsafe struct AttentionPack : IWork
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    public AttentionWork Attention;

    public readonly int ItemsPerHead => Panels.Count(Attention.ContextTokens);

    public readonly void Execute(int begin, int end, int worker)
    {
        int tokens = Attention.ContextTokens, channels = Attention.HeadChannels, all = Attention.Heads * channels, stride = Attention.ContextPixel;
        for (int item = begin; item < end; item++)
        {
            int head = item / ItemsPerHead, first = item % ItemsPerHead * PanelWidth, count = Math.Min(PanelWidth, tokens - first);
            float* keys = Attention.Context(head) + (long)first * stride;
            Panels.PackColumns((int*)keys, channels, count, stride, (int*)Attention.Keys(head) + (long)first * channels);
            Panels.PackRows(keys + all, count, channels, stride, Attention.Values(head) + (long)first * PanelWidth, (long)tokens * PanelWidth);
        }
    }
}

/// <summary>softmax(q·kᵀ/√d)·v. An item is a block of queries of one head of one image: two tile products with a softmax between them.</summary>
internal unsafe partial struct AttentionWork : IWork
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    public int Tokens, ContextTokens, Heads, HeadChannels;
    /// <summary>Whether a query sees only the keys up to its own index.</summary>
    public bool Causal;
    /// <summary>Whether tiles of 512 bits multiply.</summary>
    public bool Wide;
    public float Scale;
    public byte* Query, KeyValue, Output;
    public long QueryStride, KeyValueStride, OutputStride;
    /// <summary>Floats from one pixel's queries, or keys, to the next's. A pixel's values follow its keys.</summary>
    public int QueryPixel, ContextPixel;
    /// <summary>Packed keys and values of every head.</summary>
    public float* Packed;
    /// <summary>Per worker: a tile's sums, then its scores.</summary>
    public byte* Scratch;
    public long ScratchStride;

    public readonly int QueryBlocks => (Tokens + TilePixels - 1) / TilePixels;

    /// <summary>Floats of one head's packed keys and values.</summary>
    public readonly long PackedLength => Panels.Length(HeadChannels, ContextTokens) + Panels.Length(ContextTokens, HeadChannels);

    private readonly int ScoresStride => Panels.Count(ContextTokens) * PanelWidth;
    private readonly int TilePixels => Wide ? WideFloatTile.Pixels : FloatTile.Pixels;
    private readonly int TileFloats => TilePixels * PanelWidth;

    public void Plan() => ScratchStride = sizeof(float) * (TileFloats + (long)TilePixels * ScoresStride);

    public readonly float* Queries(int head) => (float*)(Query + head / Heads * QueryStride) + head % Heads * HeadChannels;
    public readonly float* Context(int head) => (float*)(KeyValue + head / Heads * KeyValueStride) + head % Heads * HeadChannels;
    public readonly float* Keys(int head) => Packed + head * PackedLength;
    public readonly float* Values(int head) => Keys(head) + Panels.Length(HeadChannels, ContextTokens);

    public readonly void Execute(int begin, int end, int worker)
    {
        float* sums = (float*)(Scratch + worker * ScratchStride), scores = sums + TileFloats;
        for (int item = begin; item < end; item++)
        {
            int head = item / QueryBlocks, first = item % QueryBlocks * TilePixels;
            if (Wide) WideBlock(head, first, sums, scores);
            else Block(head, first, sums, scores);
        }
    }

    private readonly void Block(int head, int first, float* sums, float* scores)
    {
        int all = Heads * HeadChannels, count = Math.Min(FloatTile.Pixels, Tokens - first);
        float* queries = Queries(head);
        byte** rows = stackalloc byte*[FloatTile.Pixels];
        float* inverse = stackalloc float[FloatTile.Pixels];

        // A tile is always full: the last query stands in for missing ones.
        for (int i = 0; i < FloatTile.Pixels; i++) rows[i] = (byte*)(queries + (long)(first + Math.Min(i, count - 1)) * QueryPixel);
        for (int panel = 0; panel < Panels.Count(ContextTokens); panel++)
        {
            FloatTile.Multiply(rows, 0, 1, HeadChannels, default, (byte*)(Keys(head) + (long)panel * HeadChannels * PanelWidth), (byte*)sums);
            for (int i = 0; i < count; i++)
                for (int lane = 0; lane < PanelWidth; lane += 8)
                    (Vector256.Load(sums + i * PanelWidth + lane) * Vector256.Create(Scale)).Store(scores + (long)i * ScoresStride + panel * PanelWidth + lane);
        }

        for (int i = 0; i < FloatTile.Pixels; i++)
        {
            if (i < count) inverse[i] = Weights(scores + (long)i * ScoresStride, Causal ? Math.Min(first + i + 1, ContextTokens) : ContextTokens);
            rows[i] = (byte*)(scores + (long)Math.Min(i, count - 1) * ScoresStride);
        }

        float* output = (float*)(Output + head / Heads * OutputStride) + head % Heads * HeadChannels;
        for (int panel = 0; panel < Panels.Count(HeadChannels); panel++)
        {
            FloatTile.Multiply(rows, 0, 1, ContextTokens, default, (byte*)(Values(head) + (long)panel * ContextTokens * PanelWidth), (byte*)sums);
            int channels = Math.Min(PanelWidth, HeadChannels - panel * PanelWidth);
            for (int i = 0; i < count; i++)
            {
                float* y = output + (long)(first + i) * all + panel * PanelWidth, s = sums + i * PanelWidth;
                int c = 0;
                for (; c <= channels - 8; c += 8) (Vector256.Load(s + c) * Vector256.Create(inverse[i])).Store(y + c);
                for (; c < channels; c++) y[c] = s[c] * inverse[i];
            }
        }
    }

    /// <summary>The exponentials over the keys that are seen; zeros for the others, which then add nothing.</summary>
    private readonly float Weights(float* scores, int seen)
    {
        float inverse = Softmax.Exponentials(scores, seen, Wide);
        if (seen < ContextTokens) new Span<float>(scores + seen, ContextTokens - seen).Clear();
        return inverse;
    }
}
