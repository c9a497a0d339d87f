using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct HalfAttentionArguments
{
    public AttentionDimensions Shape;
    /// <summary>The heads of the batch (image · Heads + head) that this launch works on.</summary>
    public int FirstHead, HeadCount;
    public BatchView<float> Qkv;
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
        int tokens = a.Shape.Tokens, channels = a.Shape.HeadChannels, all = a.Shape.Heads * channels, words = RowWords(channels), tokenWords = RowWords(tokens);
        for (int item = Share.Start; item < a.HeadCount * tokens * words; item += Share.Step)
        {
            int channel = item % words * 2, token = item / words % tokens, head = item / words / tokens;
            a.Queries[item] = Pair(a, head, token, channel, 0);
            a.Keys[item] = Pair(a, head, token, channel, all);
        }

        // Neighbouring threads take neighbouring channels, which lie side by side in memory.
        for (int item = Share.Start; item < a.HeadCount * channels * tokenWords; item += Share.Step)
        {
            int channel = item % channels, word = item / channels % tokenWords, head = item / channels / tokenWords, token = 2 * word;
            ArrayView<float> values = Head(a, head, 2 * all + channel);
            float first = 0f, second = 0f;
            if (token < tokens) first = values[(long)token * 3 * all];
            if (token + 1 < tokens) second = values[(long)(token + 1) * 3 * all];
            a.Values[((long)head * channels + channel) * tokenWords + word] = DeviceHalf.Pack(first, second);
        }
    }

    /// <summary>Scores to exponentials and their sums. An item is one of eight lanes of a query, which takes every eighth word; each looks for the
    /// maximum itself.</summary>
    public static void Exponentiate(HalfAttentionArguments a)
    {
        int tokens = a.Shape.Tokens, words = RowWords(tokens);
        for (int item = Share.Start; item < a.HeadCount * tokens * AttentionKernels.Lanes; item += Share.Step)
        {
            int query = item / AttentionKernels.Lanes;
            ArrayView<float> scores = a.Scores.SubView((long)query * tokens);
            ArrayView<int> exponentials = a.Exponentials.SubView((long)query * words);
            float largest = float.NegativeInfinity, sum = 0f;
            for (int key = 0; key < tokens; key++) largest = Math.Max(largest, scores[key]);
            for (int word = item % AttentionKernels.Lanes; word < words; word += AttentionKernels.Lanes)
            {
                float first = 0f, second = 0f;
                if (2 * word < tokens) first = DeviceFunctions.Exp(scores[2 * word] - largest);
                if (2 * word + 1 < tokens) second = DeviceFunctions.Exp(scores[2 * word + 1] - largest);
                exponentials[word] = DeviceHalf.Pack(first, second);
                sum += first + second;
            }

            a.Sums[item] = sum;
        }
    }

    private static int Pair(HalfAttentionArguments a, int head, int token, int channel, int offset)
    {
        int channels = a.Shape.HeadChannels;
        ArrayView<float> x = Head(a, head, offset).SubView((long)token * 3 * a.Shape.Heads * channels);
        float first = 0f, second = 0f;
        if (channel < channels) first = x[channel];
        if (channel + 1 < channels) second = x[channel + 1];
        return DeviceHalf.Pack(first, second);
    }

    private static ArrayView<float> Head(HalfAttentionArguments a, int head, int offset)
    {
        int global = a.FirstHead + head;
        return a.Qkv.Image(global / a.Shape.Heads).SubView(global % a.Shape.Heads * a.Shape.HeadChannels + offset);
    }
}
