using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Turns transformers' <c>CLIPTextModel</c> and <c>CLIPTextModelWithProjection</c> into networks: token ids, each in an FP32 element of its own, to hidden states, and one of these to a text's summary.</summary>
/// <remarks>With h₀ the embeddings and hₗ the states behind layer l of L, Stable Diffusion 1 and 2 read norm(h of L − s), where s last layers are left out (diffusers' <c>clip_skip</c>, else 0). Stable Diffusion XL reads
/// h of L − 1 − s, without the norm, of two such models side by side, and of the second the summary W·norm(h of L) at the first end token, whatever s is.</remarks>
internal static class TextEncoderImporter
{
    private const string Model = "text_model";

    /// <param name="configuration">The encoder's.</param>
    /// <param name="source">Its tensors.</param>
    /// <param name="tokens">Tokens of a text; null for as many as there are positions.</param>
    /// <param name="skip">Last layers that are left out (<c>clip_skip</c>), fewer than there are. Their tensors are asked for and never read.</param>
    /// <param name="norm">Whether the final norm follows.</param>
    public static ImportedNetwork Import(TextEncoderConfiguration configuration, SourceTensors source, int? tokens = null, int skip = 0, bool norm = true)
    {
        TextEncoderConfiguration c = configuration;
        if (tokens is { } length && (length < 1 || length > c.Positions))
            throw new ArgumentOutOfRangeException(nameof(tokens), $"A text has 1 to {c.Positions} tokens, not {length}.");
        RequirePossible(skip, c);
        var network = new NetworkBuilder(source, embeddingWidth: 0);
        var (ids, h) = Hidden(network, c, tokens ?? c.Positions, c.Layers - skip);
        if (norm) h = network.LayerNorm($"{Model}.final_layer_norm", h, c.Epsilon);
        // A file that lacks what is left out is still not the configuration's.
        if (skip > 0) Hidden(new(source, embeddingWidth: 0), c, tokens ?? c.Positions, c.Layers);
        return new(network.Build(ids, h), network.Tensors);
    }

    /// <summary>What Stable Diffusion XL reads of a text encoder: the hidden states before the last layer, and of one with projection a text's summary as further output.</summary>
    /// <param name="configuration">The encoder's.</param>
    /// <param name="source">Its tensors, all of which are asked for.</param>
    /// <param name="tokens">Tokens of a text.</param>
    /// <param name="end">The token whose first place holds the summary.</param>
    /// <param name="skip">So many layers more are left out before the hidden states (<c>clip_skip</c>), fewer than there are.</param>
    public static ImportedNetwork BeforeLast(TextEncoderConfiguration configuration, SourceTensors source, int tokens, int end, int skip = 0)
    {
        TextEncoderConfiguration c = configuration;
        RequirePossible(skip, c);
        var network = new NetworkBuilder(source, embeddingWidth: 0);
        var (ids, hidden) = Hidden(network, c, tokens, c.Layers - 1 - skip);
        Map last = hidden;
        for (int layer = c.Layers - 1 - skip; layer < c.Layers; layer++) last = Layer(network, layer, last, c);
        last = network.LayerNorm($"{Model}.final_layer_norm", last, c.Epsilon);
        Map? summary = c.Projection == 0 ? null : network.Linear("text_projection", network.Select("summary", last, ids, end), c.Projection, bias: false);
        // Without a summary nothing reads the last layers.
        RewrittenNetwork used = RewrittenNetwork.Of(network.Build(ids, hidden) with { Outputs = summary is null ? default : new([summary.Name]) }, network.Tensors);
        return new(used.Network, DeferredTensors.Of(used.Tensors));
    }

    /// <summary>The hidden state at <see cref="TextEncoderConfiguration.SummaryPosition"/> to a text's summary.</summary>
    /// <param name="configuration">Of an encoder with projection.</param>
    /// <param name="source">Its tensors.</param>
    public static ImportedNetwork Summary(TextEncoderConfiguration configuration, SourceTensors source)
    {
        var network = new NetworkBuilder(source, embeddingWidth: 0);
        Map hidden = network.AddMap("hidden", 1, 1, configuration.Channels);
        return new(network.Build(hidden, network.Linear("text_projection", hidden, configuration.Projection, bias: false)), network.Tensors);
    }

    private static void RequirePossible(int skip, TextEncoderConfiguration c)
    {
        if (skip < 0 || skip >= c.Layers) throw new ArgumentOutOfRangeException(nameof(skip), $"{c.File}: 'num_hidden_layers' is {c.Layers}, and a clip skip of {skip} is not possible: 0 to {c.Layers - 1} layers can be left out.");
    }

    private static (Map Ids, Map Hidden) Hidden(NetworkBuilder network, TextEncoderConfiguration c, int tokens, int layers)
    {
        Map ids = network.AddMap("ids", 1, tokens, 1);
        Map h = network.Lookup($"{Model}.embeddings", ids, $"{Model}.embeddings.token_embedding.weight", c.Vocabulary, c.Channels,
            $"{Model}.embeddings.position_embedding.weight", c.Positions);
        for (int layer = 0; layer < layers; layer++) h = Layer(network, layer, h, c);
        return (ids, h);
    }

    private static Map Layer(NetworkBuilder network, int layer, Map h, TextEncoderConfiguration c)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{Model}.encoder.layers.{layer}");
        string attention = $"{name}.self_attn";
        Map normal = network.LayerNorm($"{name}.layer_norm1", h, c.Epsilon);
        Map query = network.Linear($"{attention}.q_proj", normal, c.Channels);
        Map keyValue = network.Linear($"{attention}.kv_proj", [$"{attention}.k_proj", $"{attention}.v_proj"], normal, c.Channels, bias: true);
        h = network.Linear($"{attention}.out_proj", network.CrossAttention($"{attention}.attention", query, keyValue, c.Heads, causal: true), c.Channels, residual: h);

        Map wide = network.Linear($"{name}.mlp.fc1", network.LayerNorm($"{name}.layer_norm2", h, c.Epsilon), c.FeedForwardChannels);
        return network.Linear($"{name}.mlp.fc2", network.Activation($"{name}.mlp.activation", wide, c.Activation), c.Channels, residual: h);
    }
}
