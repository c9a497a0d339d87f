using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct QuantizedAttentionArguments
{
    public AttentionExtents Shape;
    /// <summary>The heads of the batch (image · Heads + head) that this launch works on.</summary>
    public int FirstHead, HeadCount;
    public BatchView<float> QueryMap, KeyValue;
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
        int tokens = a.Shape.Tokens, keys = a.Shape.ContextTokens, channels = a.Shape.HeadChannels, all = a.Shape.Heads * channels, words = RowWords(channels), keyWords = RowWords(keys);
        for (int item = Share.Start; item < a.HeadCount * tokens * words; item += Share.Step)
        {
            int channel = item % words * 4, query = 0;
            ArrayView<float> x = Queries(a, item / words / tokens, item / words % tokens);
            for (int i = 0; i < 4; i++)
            {
                if (channel + i < channels) query |= a.Query.Round(x[channel + i]) << 8 * i;
            }

            a.Queries[item] = query;
        }

        for (int item = Share.Start; item < a.HeadCount * keys * words; item += Share.Step)
        {
            int channel = item % words * 4, key = 0;
            ArrayView<float> x = KeysOf(a, item / words / keys, item / words % keys);
            for (int i = 0; i < 4; i++)
            {
                if (channel + i < channels) key |= (a.Key.Round(x[channel + i]) - 128 & 255) << 8 * i;
            }

            a.Keys[item] = key;
        }

        for (int item = Share.Start; item < a.HeadCount * tokens; item += Share.Step)
        {
            ArrayView<float> x = Queries(a, item / tokens, item % tokens);
            int query = 0;
            for (int channel = 0; channel < channels; channel++) query += a.Query.Round(x[channel]);
            a.QuerySums[item] = query;
        }

        for (int item = Share.Start; item < a.HeadCount * keys; item += Share.Step)
        {
            ArrayView<float> x = KeysOf(a, item / keys, item % keys);
            int key = 0;
            for (int channel = 0; channel < channels; channel++) key += a.Key.Round(x[channel]) - a.Key.ZeroPoint;
            a.KeySums[item] = key;
        }

        // Neighbouring threads take neighbouring channels, which lie side by side in memory.
        for (int item = Share.Start; item < a.HeadCount * channels * keyWords; item += Share.Step)
        {
            int channel = item % channels, word = item / channels % keyWords, head = item / channels / keyWords, value = 0;
            for (int i = 0; i < 4; i++)
            {
                int token = 4 * word + i;
                if (token < keys) value |= (a.Value.Round(KeysOf(a, head, token)[all + channel]) - 128 & 255) << 8 * i;
            }

            a.Values[((long)head * channels + channel) * keyWords + word] = value;
        }
    }

    /// <summary>Scores to exponentials in bytes and their sums. An item is one of eight lanes of a query; each looks for the maximum itself.</summary>
    public static void Exponentiate(QuantizedAttentionArguments a)
    {
        int tokens = a.Shape.Tokens, keys = a.Shape.ContextTokens, row = 4 * RowWords(keys);
        ArrayView<byte> bytes = a.Exponentials.Cast<byte>();
        for (int item = Share.Start; item < a.HeadCount * tokens * AttentionKernels.Lanes; item += Share.Step)
        {
            int query = item / AttentionKernels.Lanes, integers = 0, seen = a.Shape.Causal != 0 ? query % tokens + 1 : keys;
            ArrayView<float> scores = a.Scores.SubView((long)query * keys);
            ArrayView<byte> exponentials = bytes.SubView((long)query * row);
            float largest = float.NegativeInfinity, sum = 0f;
            for (int key = 0; key < seen; key++) largest = Math.Max(largest, scores[key]);
            for (int key = item % AttentionKernels.Lanes; key < row; key += AttentionKernels.Lanes)
            {
                int u = 0;
                if (key < seen)
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

    private static ArrayView<float> Queries(QuantizedAttentionArguments a, int head, int token)
    {
        int global = a.FirstHead + head;
        return a.QueryMap.Image(global / a.Shape.Heads).SubView(token * a.Shape.QueryPixel + global % a.Shape.Heads * a.Shape.HeadChannels);
    }

    private static ArrayView<float> KeysOf(QuantizedAttentionArguments a, int head, int token)
    {
        int global = a.FirstHead + head;
        return a.KeyValue.Image(global / a.Shape.Heads).SubView(a.Shape.KeyOffset + token * a.Shape.ContextPixel + global % a.Shape.Heads * a.Shape.HeadChannels);
    }
}
