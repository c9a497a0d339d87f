using System.Globalization;

namespace Specializer.Calibration.Conversion;

/// <summary>Names of modules in CompVis's latent diffusion, which Stable Diffusion's single files keep, to those of diffusers. Null for a name that neither has.</summary>
internal static class CompVisNames
{
    /// <param name="key">Behind <c>model.diffusion_model.</c>.</param>
    /// <param name="layers">Residual blocks of a level on the way down.</param>
    public static string? UNet(string key, int layers)
    {
        string[] p = key.Split('.');
        switch (p)
        {
            case ["time_embed", "0" or "2", var last]:
                return $"time_embedding.linear_{(p[1] == "0" ? 1 : 2)}.{last}";
            case ["label_emb", "0", "0" or "2", var last]:
                return $"add_embedding.linear_{(p[2] == "0" ? 1 : 2)}.{last}";
            case ["out", "0", var last]:
                return $"conv_norm_out.{last}";
            case ["out", "2", var last]:
                return $"conv_out.{last}";
            case ["input_blocks", "0", "0", var last]:
                return $"conv_in.{last}";
            case ["input_blocks", var index, "0", "op", var last] when Number(index) is { } i and > 0:
                return Invariant($"down_blocks.{(i - 1) / (layers + 1)}.downsamplers.0.conv.{last}");
            case ["input_blocks", var index, var module, ..] when Number(index) is { } i and > 0:
                return Module(Invariant($"down_blocks.{(i - 1) / (layers + 1)}"), (i - 1) % (layers + 1), module, p[3..]);
            case ["output_blocks", var index, "1" or "2", "conv", var last] when Number(index) is { } i:
                return Invariant($"up_blocks.{i / (layers + 1)}.upsamplers.0.conv.{last}");
            case ["output_blocks", var index, var module, ..] when Number(index) is { } i:
                return Module(Invariant($"up_blocks.{i / (layers + 1)}"), i % (layers + 1), module, p[3..]);
            case ["middle_block", "0", ..]:
                return Module("mid_block", 0, "0", p[2..]);
            case ["middle_block", "1", ..]:
                return Module("mid_block", 0, "1", p[2..]);
            case ["middle_block", "2", ..]:
                return Module("mid_block", 1, "0", p[2..]);
            default:
                return null;
        }
    }

    /// <param name="key">Behind <c>first_stage_model.</c>.</param>
    /// <param name="levels">Levels of either half.</param>
    public static string? Autoencoder(string key, int levels)
    {
        string[] p = key.Split('.');
        switch (p)
        {
            case ["quant_conv" or "post_quant_conv", _] or ["quantize", "embedding", "weight"] or ["encoder" or "decoder", "conv_in" or "conv_out", _]:
                return key;
            case [var half, "norm_out", var last]:
                return $"{half}.conv_norm_out.{last}";
            case [var half, "mid", "block_1" or "block_2", .. var rest]:
                return $"{half}.mid_block.resnets.{(p[2] == "block_1" ? 0 : 1)}.{Shortcut(rest)}";
            case [var half, "mid", "attn_1", var part, var last]:
                string? module = part switch { "norm" => "group_norm", "q" or "k" or "v" => "to_" + part, "proj_out" => "to_out.0", _ => null };
                return module is null ? null : $"{half}.mid_block.attentions.0.{module}.{last}";
            case ["encoder", "down", var level, "block", var layer, .. var rest]:
                return $"encoder.down_blocks.{level}.resnets.{layer}.{Shortcut(rest)}";
            case ["encoder", "down", var level, "downsample", "conv", var last]:
                return $"encoder.down_blocks.{level}.downsamplers.0.conv.{last}";
            // Counted from the largest maps there, from the smallest here.
            case ["decoder", "up", var level, "block", var layer, .. var rest] when Number(level) is { } k:
                return Invariant($"decoder.up_blocks.{levels - 1 - k}.resnets.{layer}.{Shortcut(rest)}");
            case ["decoder", "up", var level, "upsample", "conv", var last] when Number(level) is { } k:
                return Invariant($"decoder.up_blocks.{levels - 1 - k}.upsamplers.0.conv.{last}");
            default:
                return null;
        }
    }

    /// <summary>open_clip's text transformer, but for the projections of attention, which it keeps in one tensor.</summary>
    /// <param name="key">Behind <c>cond_stage_model.model.</c> or <c>conditioner.embedders.1.model.</c>.</param>
    public static string? OpenClip(string key)
    {
        switch (key.Split('.'))
        {
            case ["token_embedding", "weight"]:
                return "text_model.embeddings.token_embedding.weight";
            case ["positional_embedding"]:
                return "text_model.embeddings.position_embedding.weight";
            case ["ln_final", var last]:
                return $"text_model.final_layer_norm.{last}";
            case ["transformer", "resblocks", var layer, .. var rest]:
                string? module = rest switch
                {
                    ["ln_1" or "ln_2", var last] => $"layer_norm{rest[0][^1]}.{last}",
                    ["attn", "out_proj", var last] => $"self_attn.out_proj.{last}",
                    ["mlp", "c_fc", var last] => $"mlp.fc1.{last}",
                    ["mlp", "c_proj", var last] => $"mlp.fc2.{last}",
                    _ => null,
                };
                return module is null ? null : $"text_model.encoder.layers.{layer}.{module}";
            default:
                return null;
        }
    }

    private static string? Module(string block, int index, string module, string[] rest)
    {
        if (module == "1") return Invariant($"{block}.attentions.{index}.{string.Join('.', rest)}");
        string? name = rest switch
        {
            ["in_layers", "0", _] => "norm1",
            ["in_layers", "2", _] => "conv1",
            ["emb_layers", "1", _] => "time_emb_proj",
            ["out_layers", "0", _] => "norm2",
            ["out_layers", "3", _] => "conv2",
            ["skip_connection", _] => "conv_shortcut",
            _ => null,
        };
        return module == "0" && name is not null ? Invariant($"{block}.resnets.{index}.{name}.{rest[^1]}") : null;
    }

    private static string Shortcut(string[] rest) => string.Join('.', rest).Replace("nin_shortcut.", "conv_shortcut.", StringComparison.Ordinal);

    private static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
