using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct QuantizedAttentionArguments
{
    public AttentionDimensions Shape;
    /// <summary>The heads of the batch (image · Heads + head) that this launch works on.</summary>
    public int FirstHead, HeadCount;
    public BatchView<float> Qkv;
    public AffineQuantizer Query, Key, Value;
    /// <summary>Four bytes a word, rows filled up with zeros to multiples of 64: [head − FirstHead][token][channel]; values [head][channel][token];
    /// exponentials [head][query][key]. Keys and values are less 128, so that they are bytes with a sign.</summary>
    public ArrayView<int> Queries, Keys, Values, Exponentials;
    /// <summary>[head − FirstHead][token]: over channels, of queries as they are and of keys less their zero point.</summary>
    public ArrayView<int> QuerySums, KeySums;
    /// <summary>[head − FirstHead][query][key].</summary>
    public ArrayView<float> Scores;
    /// <summary>[head − FirstHead][query][8]: over the keys that are equal modulo 8, before and after rounding.</summary>
    public ArrayView<float> Sums;
    public ArrayView<int> IntegerSums;
}

/// <summary>What attention with 8-bit products does around the two: <see cref="TensorProduct"/>.</summary>
internal static class QuantizedAttention
{
    /// <summary>What an exponential of 1 becomes.</summary>
    public const float Levels = 255f;
    private const float RoundingBias = 12582912f;

    /// <summary>Words of a row of so many bytes.</summary>
    public static int RowWords(int count) => (count + 63) / 64 * 16;

    /// <summary>Queries, keys and transposed values in bytes, and the sums. An item is a word of each.</summary>
    public static void Convert(QuantizedAttentionArguments a)
    {
        int tokens = a.Shape.Tokens, channels = a.Shape.HeadChannels, all = a.Shape.Heads * channels, words = RowWords(channels), tokenWords = RowWords(tokens);
        for (int item = Share.Start; item < a.HeadCount * tokens * words; item += Share.Step)
        {
            int channel = item % words * 4, token = item / words % tokens, head = item / words / tokens, query = 0, key = 0;
            ArrayView<float> x = Head(a, head, token * 3 * all);
            for (int i = 0; i < 4; i++)
            {
                if (channel + i >= channels) continue;
                query |= a.Query.Round(x[channel + i]) << 8 * i;
                key |= (a.Key.Round(x[all + channel + i]) - 128 & 255) << 8 * i;
            }

            a.Queries[item] = query;
            a.Keys[item] = key;
        }

        for (int item = Share.Start; item < a.HeadCount * tokens; item += Share.Step)
        {
            ArrayView<float> x = Head(a, item / tokens, item % tokens * 3 * all);
            int query = 0, key = 0;
            for (int channel = 0; channel < channels; channel++)
            {
                query += a.Query.Round(x[channel]);
                key += a.Key.Round(x[all + channel]) - a.Key.ZeroPoint;
            }

            a.QuerySums[item] = query;
            a.KeySums[item] = key;
        }

        // Neighbouring threads take neighbouring channels, which lie side by side in memory.
        for (int item = Share.Start; item < a.HeadCount * channels * tokenWords; item += Share.Step)
        {
            int channel = item % channels, word = item / channels % tokenWords, head = item / channels / tokenWords, value = 0;
            for (int i = 0; i < 4; i++)
            {
                int token = 4 * word + i;
                if (token < tokens) value |= (a.Value.Round(Head(a, head, token * 3 * all)[2 * all + channel]) - 128 & 255) << 8 * i;
            }

            a.Values[((long)head * channels + channel) * tokenWords + word] = value;
        }
    }

    /// <summary>Scores to exponentials in bytes and their sums. An item is one of eight lanes of a query; each looks for the maximum itself.</summary>
    public static void Exponentiate(QuantizedAttentionArguments a)
    {
        int tokens = a.Shape.Tokens, row = 4 * RowWords(tokens);
        ArrayView<byte> bytes = a.Exponentials.Cast<byte>();
        for (int item = Share.Start; item < a.HeadCount * tokens * AttentionKernels.Lanes; item += Share.Step)
        {
            int query = item / AttentionKernels.Lanes, integers = 0;
            ArrayView<float> scores = a.Scores.SubView((long)query * tokens);
            ArrayView<byte> exponentials = bytes.SubView((long)query * row);
            float largest = float.NegativeInfinity, sum = 0f;
            for (int key = 0; key < tokens; key++) largest = Math.Max(largest, scores[key]);
            for (int key = item % AttentionKernels.Lanes; key < row; key += AttentionKernels.Lanes)
            {
                int u = 0;
                if (key < tokens)
                {
                    float e = DeviceFunctions.Exp(scores[key] - largest);
                    sum += e;
                    // Adding 1.5·2²³ rounds to an integer, ties to even.
                    u = (int)Interop.FloatAsInt(ExactMath.Multiply(e, Levels) + RoundingBias) - 0x4B400000;
                }

                exponentials[key] = (byte)u;
                integers += u;
            }

            a.Sums[item] = sum;
            a.IntegerSums[item] = integers;
        }
    }

    private static ArrayView<float> Head(QuantizedAttentionArguments a, int head, int offset)
    {
        int global = a.FirstHead + head;
        return a.Qkv.Image(global / a.Shape.Heads).SubView(global % a.Shape.Heads * a.Shape.HeadChannels + offset);
    }
}
