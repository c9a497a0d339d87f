namespace Specializer.Kernels;

internal static unsafe partial class Reference
{
    /// <summary>Attention of one image, qkv [token][3·heads·channels].</summary>
    public static float[] Attend(float[] qkv, int tokens, int heads, int channels) =>
        AttendCross(Part(qkv, 3 * heads * channels, ..(heads * channels)), Part(qkv, 3 * heads * channels, (heads * channels)..), tokens, tokens, heads, channels, causal: false);

    /// <summary>Attention of one image with both products in integers, qkv [token][3·heads·channels].</summary>
    public static float[] Attend(float[] qkv, int tokens, int heads, int channels, Quantization query, Quantization key, Quantization value) =>
        AttendCross(Part(qkv, 3 * heads * channels, ..(heads * channels)), Part(qkv, 3 * heads * channels, (heads * channels)..), tokens, tokens, heads, channels, causal: false, query, key, value);

    /// <summary>Attention of one image, q [token][heads·channels], kv [context token][2·heads·channels].</summary>
    public static float[] AttendCross(float[] q, float[] kv, int tokens, int contextTokens, int heads, int channels, bool causal)
    {
        int all = heads * channels;
        var y = new float[tokens * all];
        var scores = new float[contextTokens];
        float scale = (float)(1 / Math.Sqrt(channels));
        for (int head = 0; head < heads; head++)
            for (int query = 0; query < tokens; query++)
            {
                int seen = causal ? query + 1 : contextTokens;
                for (int key = 0; key < seen; key++)
                {
                    float s = 0;
                    for (int d = 0; d < channels; d++)
                        s = MathF.FusedMultiplyAdd(q[query * all + head * channels + d], kv[key * 2 * all + head * channels + d], s);
                    scores[key] = s * scale;
                }

                float inverse;
                fixed (float* p = scores) inverse = Softmax.PlainExponentials(p, seen);
                for (int d = 0; d < channels; d++)
                {
                    float o = 0;
                    for (int key = 0; key < seen; key++)
                        o = MathF.FusedMultiplyAdd(scores[key], kv[key * 2 * all + all + head * channels + d], o);
                    y[query * all + head * channels + d] = o * inverse;
                }
            }

        return y;
    }

    /// <summary>The same with both products in integers.</summary>
    public static float[] AttendCross(
        float[] q, float[] kv, int tokens, int contextTokens, int heads, int channels, bool causal, Quantization query, Quantization key, Quantization value)
    {
        int all = heads * channels;
        var y = new float[tokens * all];
        var scores = new float[contextTokens];
        float scale = query.Scale * key.Scale * (float)(1 / Math.Sqrt(channels));
        for (int head = 0; head < heads; head++)
            for (int token = 0; token < tokens; token++)
            {
                int seen = causal ? token + 1 : contextTokens;
                for (int other = 0; other < seen; other++)
                {
                    int s = 0;
                    for (int d = 0; d < channels; d++) s += At(query, q, token * all + d) * At(key, kv, other * 2 * all + d);
                    scores[other] = s * scale;
                }

                float inverse;
                fixed (float* p = scores) inverse = Softmax.PlainExponentials(p, seen);
                for (int d = 0; d < channels; d++)
                {
                    int o = 0;
                    for (int other = 0; other < seen; other++) o += Softmax.QuantizedExponential(scores[other]) * At(value, kv, other * 2 * all + all + d);
                    y[token * all + head * channels + d] = o * (value.Scale / Softmax.Levels * inverse);
                }

                int At(Quantization quantization, float[] map, int element) => new AffineQuantizer(quantization).Round(map[element + head * channels]) - quantization.ZeroPoint;
            }

        return y;
    }

    /// <summary>Some channels of each pixel.</summary>
    private static float[] Part(float[] map, int channels, Range part) => [.. map.Chunk(channels).SelectMany(pixel => pixel[part])];
}
