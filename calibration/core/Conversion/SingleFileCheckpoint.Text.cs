using System.Globalization;
using System.Text.Json.Nodes;

namespace Specializer.Calibration.Conversion;

/// <summary>Its text encoders: CLIP's as transformers lays it out, open_clip's, or one of each (Stable Diffusion XL).</summary>
internal sealed partial class SingleFileCheckpoint
{
    private const string ClipPrefix = XlPrefix + "0.transformer.", OpenClipPrefix = XlPrefix + "1.model.", Text = "text_encoder", SecondText = "text_encoder_2";

    /// <summary>A refiner's one text encoder is the second of the base model's.</summary>
    /// <param name="key">A tensor of Stable Diffusion XL's text encoders.</param>
    private Condition RequirePair(string key) => _shapes.Keys.Any(k => k.StartsWith(ClipPrefix, StringComparison.Ordinal)) ? Condition.Xl
        : throw new UnsupportedModelException(_file, key, "the text encoder of a refiner",
            $"Supported: files of Stable Diffusion XL with both text encoders, '{ClipPrefix}' and '{OpenClipPrefix}'. Refiners are not.");

    private IEnumerable<RecipeComponent> TextEncoders(Condition condition)
    {
        switch (condition)
        {
            case Condition.Clip:
                yield return Clip(ConditionPrefix + "transformer.");
                break;
            case Condition.OpenClip:
                // Stable Diffusion 2 reads the hidden states before the last layer.
                string prefix = ConditionPrefix + "model.";
                int last = Under(prefix).Keys.Where(k => k.StartsWith("transformer.resblocks.", StringComparison.Ordinal)).Max(k => int.Parse(k.Split('.')[2], CultureInfo.InvariantCulture));
                string skipped = string.Create(CultureInfo.InvariantCulture, $"transformer.resblocks.{last}.");
                _notes.Add($"The text encoder's last layer ({prefix}{skipped}*) is left out: the network reads what precedes it.");
                yield return OpenClip(Text, prefix, skipped);
                break;
            case Condition.Xl:
                _notes.Add("The scheduler is that of Stable Diffusion XL's base model, 1024×1024: no tensor shows whether the file is of another kind, such as SDXL-Turbo. Its scheduler_config.json and the sample_size of unet/config.json are then to be changed.");
                yield return Clip(ClipPrefix);
                yield return OpenClip(SecondText, OpenClipPrefix, null);
                break;
        }
    }

    private RecipeComponent Clip(string prefix)
    {
        foreach (var (key, shape) in Under(prefix))
            if (!s_unused.Contains(prefix + key)) Map(Text, key, prefix + key, shape);
        return new(Text, ClipConfiguration(Own(Text), "quick_gelu").ToJsonString());
    }

    /// <param name="folder">Of the component.</param>
    /// <param name="prefix">Of the tensors' names.</param>
    /// <param name="skipped">A layer that is left out, behind the prefix; null for none.</param>
    private RecipeComponent OpenClip(string folder, string prefix, string? skipped)
    {
        foreach (var (key, shape) in Under(prefix))
            if ((skipped is null || !key.StartsWith(skipped, StringComparison.Ordinal)) && !s_unused.Contains(prefix + key)) OpenClip(folder, prefix, key, shape);
        return new(folder, ClipConfiguration(Own(folder), "gelu").ToJsonString());
    }

    private void OpenClip(string folder, string prefix, string key, long[] shape)
    {
        string source = prefix + key;
        string[] p = key.Split('.');
        if (p is ["transformer", "resblocks", var layer, "attn", "in_proj_weight" or "in_proj_bias"])
        {
            long channels = shape[0] / 3;
            for (int part = 0; part < 3; part++)
                Own(folder)[$"text_model.encoder.layers.{layer}.self_attn.{"qkv"[part]}_proj.{p[4][8..]}"] = new(source, [channels, .. shape[1..]], (part * channels, channels));
        }
        // Multiplied from the right there.
        else if (p is ["text_projection"] && shape.Length == 2) Own(folder)[Projection] = new(source, [shape[1], shape[0]]) { IsTransposed = true };
        else if (CompVisNames.OpenClip(key) is { } name) Map(folder, name, source, shape);
        else _unknown.Add(new(source, null, shape));
    }

    private const string Projection = "text_projection.weight";

    private static JsonObject ClipConfiguration(Dictionary<string, MappedTensor> tensors, string activation)
    {
        long[] Extents(string name) => tensors.TryGetValue(name, out MappedTensor? t) ? t.Shape : [0, 0];
        long channels = Extents("text_model.embeddings.token_embedding.weight")[1], projection = Extents(Projection)[0];
        var json = new JsonObject
        {
            ["architectures"] = new JsonArray(projection > 0 ? "CLIPTextModelWithProjection" : "CLIPTextModel"), ["eos_token_id"] = 2, ["hidden_act"] = activation, ["hidden_size"] = channels,
            ["intermediate_size"] = Extents("text_model.encoder.layers.0.mlp.fc1.weight")[0], ["layer_norm_eps"] = JsonNode.Parse("1e-05"), ["max_position_embeddings"] = Extents("text_model.embeddings.position_embedding.weight")[0],
            ["model_type"] = "clip_text_model",
            // CLIP's heads have 64 channels.
            ["num_attention_heads"] = Math.Max(1, channels / 64),
            ["num_hidden_layers"] = tensors.Keys.Where(k => k.StartsWith("text_model.encoder.layers.", StringComparison.Ordinal)).Select(k => k.Split('.')[3]).Distinct().Count(),
            ["vocab_size"] = Extents("text_model.embeddings.token_embedding.weight")[0],
        };
        if (projection > 0) json["projection_dim"] = projection;
        return json;
    }

    /// <summary>What a network of Stable Diffusion XL adds to its time embedding: a text's summary and six sizes.</summary>
    private void Added(JsonObject json, CompVisUNet layout)
    {
        const int sizes = 6;
        long all = layout.AddedChannels, summary = Own(SecondText).TryGetValue(Projection, out MappedTensor? projection) ? projection.Shape[0] : 0;
        json["addition_embed_type"] = "text_time";
        json["addition_time_embed_dim"] = Math.Max(2, (all - summary) / sizes);
        json["projection_class_embeddings_input_dim"] = all;
        json["transformer_layers_per_block"] = new JsonArray([.. layout.Transformers.Select(count => (JsonNode?)count)]);
    }
}
