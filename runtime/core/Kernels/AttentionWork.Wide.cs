using System.Runtime.Intrinsics;

namespace Specializer.Kernels;

/// <content>A block of queries with vectors of 512 bits: two panels of keys, or of values, at a time.</content>
internal unsafe partial struct AttentionWork
{
    private readonly void WideBlock(int head, int first, float* sums, float* scores)
    {
        int all = Heads * HeadChannels, count = Math.Min(WideFloatTile.Pixels, Tokens - first);
        float* queries = Queries(head), output = (float*)(Output + head / Heads * OutputStride) + head % Heads * HeadChannels;
        byte** rows = stackalloc byte*[WideFloatTile.Pixels];
        float** to = stackalloc float*[WideFloatTile.Pixels];
        float* factors = stackalloc float[WideFloatTile.Pixels];

        // A tile is always full: the last query stands in for missing ones, and its results are written more than once.
        for (int i = 0; i < WideFloatTile.Pixels; i++)
        {
            int row = Math.Min(i, count - 1);
            rows[i] = (byte*)(queries + (long)(first + row) * QueryPixel);
            to[i] = scores + (long)row * ScoresStride;
            factors[i] = Scale;
        }

        Multiply(rows, HeadChannels, Keys(head), ScoresStride, factors, to, sums);
        for (int i = 0; i < WideFloatTile.Pixels; i++)
        {
            int row = Math.Min(i, count - 1);
            float* weights = scores + (long)row * ScoresStride;
            factors[i] = i == row ? Weights(weights, Causal ? Math.Min(first + i + 1, ContextTokens) : ContextTokens) : factors[row];
            rows[i] = (byte*)weights;
            to[i] = output + (long)(first + row) * all;
        }

        Multiply(rows, ContextTokens, Values(head), HeadChannels, factors, to, sums);
    }

    /// <summary>to[i] = factors[i]·(row i times the packed matrix), <paramref name="columns"/> elements.</summary>
    private static void Multiply(byte** rows, int length, float* panels, int columns, float* factors, float** to, float* sums)
    {
        int column = 0, panelLength = length * PanelWidth;
        for (; column <= columns - 2 * PanelWidth; column += 2 * PanelWidth, panels += 2L * panelLength)
        {
            WideFloatTile.MultiplyTwo(rows, length, panels, panels + panelLength, factors, to);
            for (int i = 0; i < WideFloatTile.Pixels; i++) to[i] += 2 * PanelWidth;
        }

        for (; column < columns; column += PanelWidth, panels += panelLength)
        {
            WideFloatTile.Multiply(rows, 0, 1, length, default, (byte*)panels, (byte*)sums);
            int inside = Math.Min(PanelWidth, columns - column);
            for (int i = 0; i < WideFloatTile.Pixels; i++, to[i - 1] += PanelWidth)
            {
                float* y = to[i], s = sums + i * PanelWidth;
                if (inside == PanelWidth) (Vector512.Load(s) * Vector512.Create(factors[i])).Store(y);
                else
                    for (int c = 0; c < inside; c++) y[c] = s[c] * factors[i];
            }
        }
    }
}
