using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>diffusers' <c>Transformer2DModel</c>: between two projections, layers of self-attention, attention over a context, and a gated feed-forward network.</summary>
internal static class TransformerBlock
{
    // Both are fixed in the source library, whatever the configuration says.
    private const float GroupEpsilon = 1e-6f, LayerEpsilon = 1e-5f;

    /// <param name="network">Receives the operations.</param>
    /// <param name="name">Module path.</param>
    /// <param name="input">Map read, and added to the result.</param>
    /// <param name="context">Tokens of the condition.</param>
    /// <param name="heads">Of both attentions.</param>
    /// <param name="layers">How many.</param>
    /// <param name="groups">Of the norm before the first projection.</param>
    /// <param name="linear">Whether the two projections are stored as linear layers; otherwise as 1×1 convolutions, which are the same products.</param>
    /// <param name="onlyCross">Whether the first attention, too, is over the context.</param>
    public static Map Add(NetworkBuilder network, string name, Map input, MapPair context, int heads, int layers, int groups, bool linear, bool onlyCross)
    {
        int channels = input.Channels;
        Map h = network.GroupNorm($"{name}.norm", new(input), groups, GroupEpsilon, null).First;
        h = Projection("proj_in", h, null);
        for (int layer = 0; layer < layers; layer++)
            h = Layer(network, string.Create(CultureInfo.InvariantCulture, $"{name}.transformer_blocks.{layer}"), h, context, heads, onlyCross);
        return Projection("proj_out", h, input);

        Map Projection(string module, Map map, Map? residual) => linear
            ? network.Linear($"{name}.{module}", map, channels, residual: residual)
            : network.Convolution($"{name}.{module}", new MapPair(map), channels, new() { KernelSize = 1, Residual = residual });
    }

    private static Map Layer(NetworkBuilder network, string name, Map h, MapPair context, int heads, bool onlyCross)
    {
        int channels = h.Channels;
        h = onlyCross ? OverContext("attn1", "norm1", h) : OverItself(h);
        h = OverContext("attn2", "norm2", h);

        Map wide = network.Linear($"{name}.ff.net.0.proj", network.LayerNorm($"{name}.norm3", h, LayerEpsilon), 8 * channels);
        return network.Linear($"{name}.ff.net.2", network.Geglu($"{name}.ff.net.0", wide), channels, residual: h);

        Map OverItself(Map input)
        {
            Map normal = network.LayerNorm($"{name}.norm1", input, LayerEpsilon);
            Map qkv = network.Linear($"{name}.attn1.to_qkv", [$"{name}.attn1.to_q", $"{name}.attn1.to_k", $"{name}.attn1.to_v"], normal, channels, bias: false);
            return network.Linear($"{name}.attn1.to_out.0", network.SelfAttention($"{name}.attn1.attention", qkv, heads), channels, residual: input);
        }

        Map OverContext(string module, string norm, Map input)
        {
            Map query = network.Linear($"{name}.{module}.to_q", network.LayerNorm($"{name}.{norm}", input, LayerEpsilon), channels, bias: false);
            Map keyValue = network.Linear($"{name}.{module}.to_kv", [$"{name}.{module}.to_k", $"{name}.{module}.to_v"], context, channels);
            return network.Linear($"{name}.{module}.to_out.0", network.CrossAttention($"{name}.{module}.attention", query, keyValue, heads), channels, residual: input);
        }
    }
}
