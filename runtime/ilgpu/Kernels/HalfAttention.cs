using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct HalfAttentionArguments
{
    public AttentionExtents Shape;
    /// <summary>The heads of the batch (image · Heads + head) that this launch works on.</summary>
    public int FirstHead, HeadCount;
    public BatchView<float> Query, KeyValue;
    /// <summary>FP16, two a word, rows filled up with zeros to multiples of 32: [head − FirstHead][token][channel]; values [head][channel][token];
    /// exponentials [head][query][key].</summary>
    public ArrayView<int> Queries, Keys, Values, Exponentials;
    /// <summary>[head − FirstHead][query][key].</summary>
    public ArrayView<float> Scores;
    /// <summary>[head − FirstHead][query][8].</summary>
    public ArrayView<float> Sums;
}

/// <summary>What attention in half precision does around its two products: <see cref="TensorProduct"/>.</summary>
internal static class HalfAttention
{
    /// <summary>Words of a row of so many numbers.</summary>
    public static int RowWords(int count) => HalfConvolution.TapWords(count);

    /// <summary>Queries, keys and transposed values in FP16. An item is a word of each.</summary>
    public static void Convert(HalfAttentionArguments a)
    {
        AttentionExtents s = a.Shape;
        int tokens = s.Tokens, keys = s.ContextTokens, channels = s.HeadChannels, words = RowWords(channels), keyWords = RowWords(keys);
        for (int item = Share.Start; item < a.HeadCount * tokens * words; item += Share.Step)
            a.Queries[item] = Pair(Head(a, a.Query, item / words / tokens, item / words % tokens * s.QueryPixel), item % words * 2, channels);
        for (int item = Share.Start; item < a.HeadCount * keys * words; item += Share.Step)
            a.Keys[item] = Pair(Head(a, a.KeyValue, item / words / keys, s.KeyOffset + item / words % keys * s.ContextPixel), item % words * 2, channels);

        // Neighbouring threads take neighbouring channels, which lie side by side in memory.
        for (int item = Share.Start; item < a.HeadCount * channels * keyWords; item += Share.Step)
        {
            int channel = item % channels, word = item / channels % keyWords, head = item / channels / keyWords, token = 2 * word;
            ArrayView<float> values = Head(a, a.KeyValue, head, s.KeyOffset + s.Heads * channels + channel);
            float first = 0f, second = 0f;
            if (token < keys) first = values[(long)token * s.ContextPixel];
            if (token + 1 < keys) second = values[(long)(token + 1) * s.ContextPixel];
            a.Values[((long)head * channels + channel) * keyWords + word] = DeviceHalf.Pack(first, second);
        }
    }

    /// <summary>Scores to exponentials and their sums. An item is one of eight lanes of a query, which takes every eighth word; each looks for the
    /// maximum itself.</summary>
    public static void Exponentiate(HalfAttentionArguments a)
    {
        int tokens = a.Shape.Tokens, keys = a.Shape.ContextTokens, words = RowWords(keys);
        for (int item = Share.Start; item < a.HeadCount * tokens * AttentionKernels.Lanes; item += Share.Step)
        {
            int query = item / AttentionKernels.Lanes, seen = a.Shape.Causal != 0 ? query % tokens + 1 : keys;
            ArrayView<float> scores = a.Scores.SubView((long)query * keys);
            ArrayView<int> exponentials = a.Exponentials.SubView((long)query * words);
            float largest = float.NegativeInfinity, sum = 0f;
            for (int key = 0; key < seen; key++) largest = Math.Max(largest, scores[key]);
            for (int word = item % AttentionKernels.Lanes; word < words; word += AttentionKernels.Lanes)
            {
                float first = 0f, second = 0f;
                if (2 * word < seen) first = DeviceFunctions.Exp(scores[2 * word] - largest);
                if (2 * word + 1 < seen) second = DeviceFunctions.Exp(scores[2 * word + 1] - largest);
                exponentials[word] = DeviceHalf.Pack(first, second);
                sum += first + second;
            }

            a.Sums[item] = sum;
        }
    }

    private static int Pair(ArrayView<float> x, int channel, int channels)
    {
        float first = 0f, second = 0f;
        if (channel < channels) first = x[channel];
        if (channel + 1 < channels) second = x[channel + 1];
        return DeviceHalf.Pack(first, second);
    }

    private static ArrayView<float> Head(HalfAttentionArguments a, BatchView<float> map, int head, int offset)
    {
        int global = a.FirstHead + head;
        return map.Image(global / a.Shape.Heads).SubView(global % a.Shape.Heads * a.Shape.HeadChannels + offset);
    }
}
