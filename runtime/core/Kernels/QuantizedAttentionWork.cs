using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>Quantizes queries, keys and values, less their zero points, to 16-bit operands of <see cref="WordTile"/>. An item is a head of one image.</summary>
internal unsafe struct QuantizedAttentionPack : IWork
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    public QuantizedAttentionWork Attention;
    public AffineQuantizer Query, Key, Value;

    public readonly void Execute(int begin, int end, int worker)
    {
        int tokens = Attention.ContextTokens, words = Attention.ChannelWords, all = Attention.Heads * Attention.HeadChannels;
        var rows = (short*)(Attention.Scratch + worker * Attention.ScratchStride);
        for (int item = begin; item < end; item++)
        {
            float* head = Attention.ContextOf(item);
            Rows(Query, Attention.QueryOf(item), Attention.QueryPixel, 0, Attention.Tokens, (short*)Attention.Queries(item));

            // Sixteen keys are the columns of a panel, whose element is a pair of channels.
            for (int first = 0; first < tokens; first += PanelWidth)
            {
                int count = Math.Min(PanelWidth, tokens - first);
                Rows(Key, head, Attention.ContextPixel, first, count, rows);
                Panels.PackColumns((int*)rows, words / 2, count, words / 2, Attention.Keys(item) + (long)first * (words / 2));
            }

            for (int first = 0; first < Attention.TokenWords; first += 2)
            {
                int count = Math.Clamp(tokens - first, 0, 2);
                new Span<short>(rows, 2 * words).Clear();
                Rows(Value, head + all, Attention.ContextPixel, first, count, rows);
                Interleave(rows, rows + words, Attention.Values(item) + first / 2 * PanelWidth);
            }
        }
    }

    private readonly void Rows(AffineQuantizer quantizer, float* from, int pixel, int first, int count, short* to)
    {
        for (int i = 0; i < count; i++)
            quantizer.Pixels(from + (long)(first + i) * pixel, (byte*)(to + (long)i * Attention.ChannelWords), 1, Attention.HeadChannels, sizeof(short));
    }

    /// <summary>Channels are the columns of the values' panels, whose element is a pair of tokens.</summary>
    private readonly void Interleave(short* even, short* odd, int* panel)
    {
        int channels = Attention.HeadChannels;
        for (int first = 0; first < channels; first += PanelWidth, panel += Attention.TokenWords / 2 * PanelWidth)
            for (int lane = 0; lane < PanelWidth; lane++)
                panel[lane] = first + lane < channels ? (ushort)even[first + lane] | odd[first + lane] << 16 : 0;
    }
}

/// <summary>softmax(q·kᵀ/√d)·v with both products in exact integers. An item is a block of queries of one head of one image.</summary>
internal unsafe struct QuantizedAttentionWork : IWork
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    public int Tokens, ContextTokens, Heads, HeadChannels;
    /// <summary>Whether a query sees only the keys up to its own index.</summary>
    public bool Causal;
    /// <summary>Whether tiles of 512 bits multiply.</summary>
    public bool Wide;
    /// <summary>What one step of q·k is worth as a score, and one of exp·v as a value before the softmax is divided by its sum.</summary>
    public float ScoreScale, ValueScale;
    public byte* Query, KeyValue, Output;
    public long QueryStride, KeyValueStride, OutputStride;
    /// <summary>Floats from one pixel's queries, or keys, to the next's. A pixel's values follow its keys.</summary>
    public int QueryPixel, ContextPixel;
    /// <summary>Packed queries, keys and values of every head: pairs of 16-bit words.</summary>
    public int* Packed;
    /// <summary>Per worker: a tile's sums, then its scores; while packing, sixteen rows.</summary>
    public byte* Scratch;
    public long ScratchStride;

    /// <summary>Words of a packed row: a multiple of four.</summary>
    public readonly int ChannelWords => (HeadChannels + 3) & ~3;
    public readonly int TokenWords => (ContextTokens + 3) & ~3;
    public readonly int QueryBlocks => (Tokens + TilePixels - 1) / TilePixels;

    /// <summary>Pairs of one head's packed queries, keys and values.</summary>
    public readonly long PackedLength => QueriesLength + KeysLength + Panels.Length(TokenWords / 2, HeadChannels);

    private readonly long QueriesLength => (long)Tokens * (ChannelWords / 2);
    private readonly long KeysLength => Panels.Length(ChannelWords / 2, ContextTokens);
    private readonly int ScoresStride => Panels.Count(ContextTokens) * PanelWidth;
    private readonly int TilePixels => Wide ? WideWordTile.Pixels : WordTile.Pixels;
    /// <summary>Sums of as many panels as are multiplied together.</summary>
    private readonly int TileSums => (Wide ? 2 : 1) * TilePixels * PanelWidth;

    public void Plan()
    {
        long sumsAndScores = sizeof(float) * (TileSums + (long)TilePixels * ScoresStride), rows = (long)sizeof(short) * PanelWidth * ChannelWords;
        ScratchStride = (Math.Max(sumsAndScores, rows) + 63) & ~63L;
    }

    public readonly float* QueryOf(int head) => (float*)(Query + head / Heads * QueryStride) + head % Heads * HeadChannels;
    public readonly float* ContextOf(int head) => (float*)(KeyValue + head / Heads * KeyValueStride) + head % Heads * HeadChannels;
    public readonly int* Queries(int head) => Packed + head * PackedLength;
    public readonly int* Keys(int head) => Queries(head) + QueriesLength;
    public readonly int* Values(int head) => Keys(head) + KeysLength;

    public readonly void Execute(int begin, int end, int worker)
    {
        byte* scratch = Scratch + worker * ScratchStride;
        for (int item = begin; item < end; item++)
        {
            int head = item / QueryBlocks, first = item % QueryBlocks * TilePixels;
            if (Wide) Block<WideWordTile>(head, first, (int*)scratch, (float*)scratch + TileSums);
            else Block<WordTile>(head, first, (int*)scratch, (float*)scratch + TileSums);
        }
    }

    private readonly void Block<TTile>(int head, int first, int* sums, float* scores)
        where TTile : struct, ITileKernel
    {
        int all = Heads * HeadChannels, count = Math.Min(TTile.Pixels, Tokens - first);
        byte** rows = stackalloc byte*[TTile.Pixels];
        float* factors = stackalloc float[TTile.Pixels];

        // A tile is always full: the last query stands in for missing ones.
        for (int i = 0; i < TTile.Pixels; i++) rows[i] = (byte*)(Queries(head) + (long)(first + Math.Min(i, count - 1)) * (ChannelWords / 2));
        for (int panel = 0, some; panel < Panels.Count(ContextTokens); panel += some)
        {
            some = Multiply<TTile>(rows, ChannelWords / 4, Keys(head) + (long)panel * (ChannelWords / 2) * PanelWidth, Panels.Count(ContextTokens) - panel, sums);
            for (int j = 0; j < some; j++)
                for (int i = 0; i < count; i++)
                    Scale(sums + (j * TTile.Pixels + i) * PanelWidth, ScoreScale, scores + (long)i * ScoresStride + (panel + j) * PanelWidth, PanelWidth, TTile.IsWide);
        }

        for (int i = 0; i < TTile.Pixels; i++)
        {
            if (i < count) factors[i] = ValueScale * Weights(scores + (long)i * ScoresStride, Causal ? Math.Min(first + i + 1, ContextTokens) : ContextTokens);
            rows[i] = (byte*)(scores + (long)Math.Min(i, count - 1) * ScoresStride);
        }

        float* output = (float*)(Output + head / Heads * OutputStride) + head % Heads * HeadChannels;
        for (int panel = 0, some; panel < Panels.Count(HeadChannels); panel += some)
        {
            some = Multiply<TTile>(rows, TokenWords / 4, Values(head) + (long)panel * (TokenWords / 2) * PanelWidth, Panels.Count(HeadChannels) - panel, sums);
            for (int j = 0; j < some; j++)
            {
                int channel = (panel + j) * PanelWidth, channels = Math.Min(PanelWidth, HeadChannels - channel);
                for (int i = 0; i < count; i++)
                    Scale(sums + (j * TTile.Pixels + i) * PanelWidth, factors[i], output + (long)(first + i) * all + channel, channels, TTile.IsWide);
            }
        }
    }

    /// <summary>Sums of the next panel, or of the next two where the tile takes pairs, one tile of sums behind the other.</summary>
    /// <returns>Of how many.</returns>
    private static int Multiply<TTile>(byte** rows, int blocks, int* panels, int left, int* sums)
        where TTile : struct, ITileKernel
    {
        if (!TTile.Pairs || left == 1)
        {
            TTile.Multiply(rows, 0, 1, blocks, default, (byte*)panels, (byte*)sums);
            return 1;
        }

        TTile.MultiplyTwo(rows, blocks, (byte*)panels, (byte*)(panels + 2L * blocks * PanelWidth), (byte*)sums, (byte*)(sums + TTile.Pixels * PanelWidth));
        return 2;
    }

    /// <summary>to[i] = sums[i]·factor, for up to a panel's width of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(int* sums, float factor, float* to, int count, bool wide)
    {
        if (wide && count == PanelWidth)
        {
            (Vector512.ConvertToSingle(Vector512.Load(sums)) * Vector512.Create(factor)).Store(to);
            return;
        }

        int i = 0;
        for (; i <= count - 8; i += 8) (Vector256.ConvertToSingle(Vector256.Load(sums + i)) * Vector256.Create(factor)).Store(to + i);
        for (; i < count; i++) to[i] = sums[i] * factor;
    }

    /// <summary>The exponentials over the keys that are seen, as words; zeros for the others, which then add nothing.</summary>
    private readonly float Weights(float* scores, int seen)
    {
        float inverse = Softmax.QuantizedExponentials(scores, seen, Wide);
        new Span<short>((short*)scores + seen, TokenWords - seen).Clear();
        return inverse;
    }
}
