using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct AttentionArguments
{
    public AttentionExtents Shape;
    public float Scale;
    /// <summary>The heads of the batch (image · Heads + head) that this launch works on.</summary>
    public int FirstHead, HeadCount;
    public BatchView<float> Query, KeyValue, Output;
    /// <summary>[head − FirstHead][query][key]; a row of exponentials has ExponentialRow words, those behind the last key 0.</summary>
    public ArrayView<float> Scores, Exponentials;
    public int ExponentialRow;
    /// <summary>What the tiles of <see cref="TensorProduct"/> read, rows filled up with zeros to multiples of 16: [head − FirstHead][token][channel]; values [head][channel][token].</summary>
    public ArrayView<float> RowQueries, RowKeys, RowValues;
    /// <summary>[head − FirstHead][query][8]: sums over the keys that are equal modulo 8.</summary>
    public ArrayView<float> Sums;
}

/// <summary>softmax(q·kᵀ/√d)·v with the CPU's order of operations, in three launches. Products are computed in blocks of 4×4; where <see cref="TensorProduct"/> computes
/// them, from rows that a fourth launch writes, in tiles of shared memory.</summary>
internal static class AttentionKernels
{
    public const int Lanes = 8;

    public static void ScoresLiteral<TShape>(AttentionArguments a) where TShape : struct, IAttentionShape => Scores(a, default(SelfAttention<TShape>));

    public static void ScoresDynamic(AttentionArguments a) => Scores(a, a.Shape);

    public static void ExponentialsLiteral<TShape>(AttentionArguments a) where TShape : struct, IAttentionShape => Exponentials(a, default(SelfAttention<TShape>));

    public static void ExponentialsDynamic(AttentionArguments a) => Exponentials(a, a.Shape);

    public static void ValuesLiteral<TShape>(AttentionArguments a) where TShape : struct, IAttentionShape => Values(a, default(SelfAttention<TShape>));

    public static void ValuesDynamic(AttentionArguments a) => Values(a, a.Shape);

    /// <summary>Rows for tiles. An item is an element of each.</summary>
    public static void Rows(AttentionArguments a)
    {
        AttentionExtents s = a.Shape;
        int channels = s.HeadChannels, row = RepackKernels.FloatWords(channels), keyRow = RepackKernels.FloatWords(s.ContextTokens);
        for (int item = Share.Start; item < a.HeadCount * s.Tokens * row; item += Share.Step)
        {
            int channel = item % row;
            float query = 0f;
            if (channel < channels) query = Queries(a, s, item / row / s.Tokens)[(long)(item / row % s.Tokens) * s.QueryPixel + channel];
            a.RowQueries[item] = query;
        }

        for (int item = Share.Start; item < a.HeadCount * s.ContextTokens * row; item += Share.Step)
        {
            int channel = item % row;
            float key = 0f;
            if (channel < channels) key = Keys(a, s, item / row / s.ContextTokens)[(long)(item / row % s.ContextTokens) * s.ContextPixel + channel];
            a.RowKeys[item] = key;
        }

        // Neighbouring threads take neighbouring channels, which lie side by side in memory.
        for (int item = Share.Start; item < a.HeadCount * channels * keyRow; item += Share.Step)
        {
            int channel = item % channels, token = item / channels % keyRow, head = item / channels / keyRow;
            float value = 0f;
            if (token < s.ContextTokens) value = Keys(a, s, head)[(long)token * s.ContextPixel + s.Heads * channels + channel];
            a.RowValues[((long)head * channels + channel) * keyRow + token] = value;
        }
    }

    /// <summary>An item is four queries by four keys of a head.</summary>
    private static void Scores<TShape>(AttentionArguments a, TShape shape)
        where TShape : struct, IAttentionExtents
    {
        int tokens = shape.Tokens, keys = shape.ContextTokens, queries = (tokens + 3) / 4, blocks = (keys + 3) / 4, row = shape.QueryPixel, keyRow = shape.ContextPixel;
        for (int item = Share.Start; item < a.HeadCount * queries * blocks; item += Share.Step)
        {
            int key = item % blocks * 4, query = item / blocks % queries * 4, head = item / blocks / queries;
            ArrayView<float> q = Queries(a, shape, head), k = Keys(a, shape, head);
            int q0 = query * row, q1 = Math.Min(query + 1, tokens - 1) * row, q2 = Math.Min(query + 2, tokens - 1) * row, q3 = Math.Min(query + 3, tokens - 1) * row;
            int k0 = key * keyRow, k1 = Math.Min(key + 1, keys - 1) * keyRow, k2 = Math.Min(key + 2, keys - 1) * keyRow, k3 = Math.Min(key + 3, keys - 1) * keyRow;
            FloatTile sums = default;
            for (int d = 0; d < shape.HeadChannels; d++)
                sums.Add(q[q0 + d], q[q1 + d], q[q2 + d], q[q3 + d], new() { A = k[k0 + d], B = k[k1 + d], C = k[k2 + d], D = k[k3 + d] });

            ArrayView<float> scores = a.Scores.SubView(((long)head * tokens + query) * keys + key);
            Store(scores, sums.Row0, a.Scale, keys - key);
            if (query + 1 < tokens) Store(scores.SubView(keys), sums.Row1, a.Scale, keys - key);
            if (query + 2 < tokens) Store(scores.SubView(2 * keys), sums.Row2, a.Scale, keys - key);
            if (query + 3 < tokens) Store(scores.SubView(3 * keys), sums.Row3, a.Scale, keys - key);
        }
    }

    /// <summary>An item is one of eight lanes of a query. Each looks for the maximum itself: it is the same in any order, and saves a launch.</summary>
    private static void Exponentials<TShape>(AttentionArguments a, TShape shape)
        where TShape : struct, IAttentionExtents
    {
        int tokens = shape.Tokens, keys = shape.ContextTokens;
        for (int item = Share.Start; item < a.HeadCount * tokens * Lanes; item += Share.Step)
        {
            long query = item / Lanes;
            int seen = shape.Causal != 0 ? item / Lanes % tokens + 1 : keys;
            ArrayView<float> scores = a.Scores.SubView(query * keys, keys), exponentials = a.Exponentials.SubView(query * a.ExponentialRow, a.ExponentialRow);
            float largest = float.NegativeInfinity, sum = 0f;
            for (int key = 0; key < seen; key++) largest = Math.Max(largest, scores[key]);
            for (int key = item % Lanes; key < a.ExponentialRow; key += Lanes)
            {
                float e = 0f;
                if (key < seen)
                {
                    e = DeviceFunctions.Exp(scores[key] - largest);
                    sum += e;
                }

                exponentials[key] = e;
            }

            a.Sums[item] = sum;
        }
    }

    /// <summary>An item is four queries by four channels of a head.</summary>
    private static void Values<TShape>(AttentionArguments a, TShape shape)
        where TShape : struct, IAttentionExtents
    {
        int tokens = shape.Tokens, keys = shape.ContextTokens, queries = (tokens + 3) / 4, blocks = (shape.HeadChannels + 3) / 4, last = tokens - 1;
        int all = shape.Heads * shape.HeadChannels, row = shape.ContextPixel;
        for (int item = Share.Start; item < a.HeadCount * queries * blocks; item += Share.Step)
        {
            int channel = item % blocks * 4, query = item / blocks % queries * 4, head = item / blocks / queries, left = shape.HeadChannels - channel;
            ArrayView<float> v = Keys(a, shape, head).SubView(all + channel), scores = a.Exponentials.SubView((long)head * tokens * keys);
            int s0 = query * keys, s1 = Math.Min(query + 1, last) * keys, s2 = Math.Min(query + 2, last) * keys, s3 = Math.Min(query + 3, last) * keys;
            FloatTile sums = default;
            for (int key = 0; key < keys; key++)
            {
                ArrayView<float> values = v.SubView(key * row);
                var four = new Quad<float> { A = values[0] };
                if (left > 1) four.B = values[1];
                if (left > 2) four.C = values[2];
                if (left > 3) four.D = values[3];
                sums.Add(scores[s0 + key], scores[s1 + key], scores[s2 + key], scores[s3 + key], four);
            }

            int global = a.FirstHead + head;
            ArrayView<float> output = a.Output.Image(global / shape.Heads).SubView((long)query * all + global % shape.Heads * shape.HeadChannels + channel);
            long lanes = (long)(head * tokens + query) * Lanes;
            Store(output, sums.Row0, Inverse(a.Sums, lanes), left);
            if (query + 1 < tokens) Store(output.SubView(all), sums.Row1, Inverse(a.Sums, lanes + Lanes), left);
            if (query + 2 < tokens) Store(output.SubView(2 * all), sums.Row2, Inverse(a.Sums, lanes + 2 * Lanes), left);
            if (query + 3 < tokens) Store(output.SubView(3 * all), sums.Row3, Inverse(a.Sums, lanes + 3 * Lanes), left);
        }
    }

    private static ArrayView<float> Queries<TShape>(AttentionArguments a, TShape shape, int head)
        where TShape : struct, IAttentionExtents
    {
        int global = a.FirstHead + head;
        return a.Query.Image(global / shape.Heads).SubView(global % shape.Heads * shape.HeadChannels);
    }

    private static ArrayView<float> Keys<TShape>(AttentionArguments a, TShape shape, int head)
        where TShape : struct, IAttentionExtents
    {
        int global = a.FirstHead + head;
        return a.KeyValue.Image(global / shape.Heads).SubView(shape.KeyOffset + global % shape.Heads * shape.HeadChannels);
    }

    /// <summary>1 over the sum of a query's eight parts.</summary>
    public static float Inverse(ArrayView<float> sums, long first)
    {
        float sum = 0f;
        for (int lane = 0; lane < Lanes; lane++) sum += sums[first + lane];
        return 1f / sum;
    }

    private static void Store(ArrayView<float> to, Quad<float> values, float factor, int count)
    {
        to[0] = ExactMath.Multiply(values.A, factor);
        if (count > 1) to[1] = ExactMath.Multiply(values.B, factor);
        if (count > 2) to[2] = ExactMath.Multiply(values.C, factor);
        if (count > 3) to[3] = ExactMath.Multiply(values.D, factor);
    }
}
