using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What <c>config.json</c> of a <c>CLIPTextModel</c> or <c>CLIPTextModelWithProjection</c> says, with transformers' own defaults for absent properties.</summary>
internal sealed record TextEncoderConfiguration
{
    /// <summary>Where it stands, for messages.</summary>
    public required string File { get; init; }
    public required int Vocabulary { get; init; }
    public required int Channels { get; init; }
    public required int FeedForwardChannels { get; init; }
    public required int Layers { get; init; }
    public required int Heads { get; init; }
    public required int Positions { get; init; }
    public required string Activation { get; init; }
    public required float Epsilon { get; init; }
    /// <summary>Channels of a text's summary; 0 for a model without projection.</summary>
    public required int Projection { get; init; }
    /// <summary>Token whose first place holds a text's summary; 2 stands for the largest token, as in configurations older than the number.</summary>
    public required int EndToken { get; init; }

    /// <exception cref="ModelImportException">A value has another type or range than transformers accepts.</exception>
    /// <exception cref="UnsupportedModelException">A value asks for arithmetic that is not implemented.</exception>
    public static TextEncoderConfiguration Read(ConfigurationReader json)
    {
        json.Require("model_type", "Supported: \"clip_text_model\".", "\"clip_text_model\"");
        json.ThrowIfRefused();
        string activation = json.Text("hidden_act", "quick_gelu");
        if (activation is not ("quick_gelu" or "gelu")) json.Refuse("hidden_act", json.Raw("hidden_act"), "Supported: \"quick_gelu\", \"gelu\".");
        // Training, generation and the tokenizer's business.
        json.Ignore("attention_dropout", "dropout", "initializer_factor", "initializer_range", "bos_token_id", "pad_token_id", "projection_dim",
            "torch_dtype", "dtype", "transformers_version");
        bool projects = json.Texts("architectures", []).Contains("CLIPTextModelWithProjection");
        var configuration = new TextEncoderConfiguration
        {
            File = json.File,
            Projection = projects ? json.Integer("projection_dim", 512, 1, ManifestLimits.Channels) : 0,
            EndToken = json.Integer("eos_token_id", 49407, 0, ManifestLimits.Rows),
            Vocabulary = json.Integer("vocab_size", 49408, 1, ManifestLimits.Rows),
            Channels = json.Integer("hidden_size", 512, 1, ManifestLimits.Channels),
            FeedForwardChannels = json.Integer("intermediate_size", 2048, 1, ManifestLimits.Channels),
            Layers = json.Integer("num_hidden_layers", 12, 1, ManifestLimits.TextLayers),
            Heads = json.Integer("num_attention_heads", 8, 1, ManifestLimits.Channels),
            Positions = json.Integer("max_position_embeddings", 77, 1, ManifestLimits.Width),
            Activation = activation,
            Epsilon = (float)json.Positive("layer_norm_eps", 1e-5),
        };
        if (configuration.Channels % configuration.Heads != 0)
            json.Refuse("num_attention_heads", json.Raw("num_attention_heads"), $"It must divide the {configuration.Channels} channels.");
        json.RejectUnknown();
        return configuration;
    }

    /// <summary>Where in a text its summary stands: at its first end token.</summary>
    /// <param name="ids">The text's tokens.</param>
    public int SummaryPosition(ReadOnlySpan<int> ids)
    {
        int end = EndToken;
        if (end == 2) foreach (int id in ids) end = Math.Max(end, id);
        return Math.Max(0, ids.IndexOf(end));
    }
}
