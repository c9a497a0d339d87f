using System.Globalization;
using System.Text.RegularExpressions;
using Specializer.Formats;

namespace Specializer.Calibration.Tests;

/// <summary>Writes a diffusers pipeline as one file in CompVis's layout: the way back from the converter's, written independently of it.</summary>
internal static partial class CompVisFile
{
    private static readonly (string Diffusers, string CompVis)[] s_residual =
    [
        ("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"), ("norm2", "out_layers.0"), ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection"),
    ];

    // Of attention by itself; within a transformer the names are the same.
    private static readonly (string Diffusers, string CompVis)[] s_attention = [("group_norm", "norm"), ("to_q", "qkv"), ("to_out.0", "proj_out")];

    private static readonly (string Diffusers, string OpenClip)[] s_text =
    [
        ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("self_attn.out_proj", "attn.out_proj"), ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"),
    ];

    /// <param name="folder">The pipeline.</param>
    /// <param name="layers">Residual blocks of a level of its U-Net.</param>
    /// <param name="levels">Levels of its autoencoder.</param>
    /// <param name="openClip">Whether its text encoder is laid out as open_clip's, with a layer more. Of two the second is, with none.</param>
    /// <param name="head">Channels of a head of its U-Net, where that is unconditional: queries, keys and values of a head then stand together.</param>
    /// <param name="change">Changes a name; null leaves a tensor out.</param>
    /// <param name="file">To write.</param>
    public static void Write(string folder, int layers, int levels, bool openClip, int? head, Func<string, string?> change, string file)
    {
        var writer = new SafetensorsWriter();
        List<SafetensorsFile> open = [];
        bool two = Directory.Exists(Path.Combine(folder, "text_encoder_2"));
        foreach (string path in Directory.EnumerateFiles(folder, "*.safetensors", SearchOption.AllDirectories))
        {
            SafetensorsFile source = SafetensorsFile.Open(path);
            open.Add(source);
            string part = Path.GetFileName(Path.GetDirectoryName(path)!);
            bool isOpen = part == "text_encoder_2" || (part == "text_encoder" && openClip);
            string text = part == "text_encoder_2" ? "conditioner.embedders.1.model." : two ? "conditioner.embedders.0.transformer." : openClip ? "cond_stage_model.model." : "cond_stage_model.transformer.";
            foreach (var (name, entry) in source.Entries)
            {
                if (isOpen && name == "text_projection.weight")
                {
                    Add($"{text}text_projection", [entry.Shape[1], entry.Shape[0]], s =>
                    {
                        for (int column = 0; column < entry.Shape[1]; column++)
                            for (int row = 0; row < entry.Shape[0]; row++) s.Write(source.Bytes(name).Slice(2 * (row * (int)entry.Shape[1] + column), 2));
                    });
                    continue;
                }

                if (isOpen && name.Contains("self_attn.", StringComparison.Ordinal) && !name.Contains("out_proj", StringComparison.Ordinal))
                {
                    if (name.Contains("k_proj", StringComparison.Ordinal) || name.Contains("v_proj", StringComparison.Ordinal)) continue;
                    string[] three = [.. "qkv".Select(c => name.Replace("q_proj", $"{c}_proj", StringComparison.Ordinal))];
                    Add($"{text}{OpenClip(name[..name.IndexOf("self_attn", StringComparison.Ordinal)])}attn.in_proj_{name.Split('.')[^1]}",
                        [3 * entry.Shape[0], .. entry.Shape[1..]], s => Array.ForEach(three, n => source.CopyTo(n, 0, source.Entries[n].Length, s)));
                    continue;
                }

                if (part == "unet" && head is { } rows && Projection().Match(name) is { Success: true } projection)
                {
                    if (projection.Groups[1].Value is "k" or "v") continue;
                    string[] three = [.. "qkv".Select(c => name.Replace("to_q", $"to_{c}", StringComparison.Ordinal))];
                    long bytes = entry.Length / entry.Shape[0] * rows;
                    Add("model.diffusion_model." + UNet(name, layers, source.Entries.Keys), Convolved([3 * entry.Shape[0], .. entry.Shape[1..]]), s =>
                    {
                        for (long first = 0; first < entry.Length; first += bytes)
                            foreach (string n in three) source.CopyTo(n, first, bytes, s);
                    });
                    continue;
                }

                string? inverse = part switch
                {
                    "unet" => "model.diffusion_model." + UNet(name, layers, source.Entries.Keys),
                    "text_encoder" or "text_encoder_2" => text + (isOpen ? OpenClip(name) : name),
                    "class_embedder" => "cond_stage_model." + name,
                    _ => "first_stage_model." + Autoencoder(name, levels),
                };
                long[] shape = part is "vae" or "vqvae" && name.Contains(".to_", StringComparison.Ordinal) && entry.Shape.Length == 2 ? [.. entry.Shape, 1, 1]
                    : part == "unet" && head is not null && name.Contains(".to_out.", StringComparison.Ordinal) ? Convolved(entry.Shape) : entry.Shape;
                Add(inverse, shape, s => source.CopyTo(name, 0, entry.Length, s));
            }
        }

        if (openClip)
        {
            long[] width = open.SelectMany(o => o.Entries).Single(e => e.Key == "text_model.final_layer_norm.weight").Value.Shape;
            Add("cond_stage_model.model.transformer.resblocks.99.ln_1.weight", width, s => s.Write(new byte[2 * width[0]]));
        }

        Add("betas", [2], s => s.Write(new byte[4]));
        Add("model_ema.decay", [], s => s.Write(new byte[2]));
        writer.Write(file);
        open.ForEach(o => o.Dispose());

        void Add(string name, long[] shape, Action<Stream> write)
        {
            if (change(name) is { } kept) writer.Add(kept, DType.F16, shape, write);
        }

        // Along one axis.
        static long[] Convolved(long[] shape) => shape.Length == 2 ? [.. shape, 1] : shape;
    }

    /// <summary>A tensor's name in the file.</summary>
    /// <param name="name">In diffusers' folder of a U-Net, whose attention is in transformers.</param>
    /// <param name="layers">Residual blocks of a level.</param>
    /// <param name="all">All names.</param>
    public static string UNet(string name, int layers, IEnumerable<string> all)
    {
        Match m = Block().Match(name);
        if (m.Success)
        {
            bool down = m.Groups[1].Value == "down";
            int block = Int(m.Groups[2]), index = Int(m.Groups[4]), first = block * (layers + 1) + (down ? 1 : 0);
            string rest = m.Groups[5].Value, side = down ? "input_blocks" : "output_blocks";
            return m.Groups[3].Value switch
            {
                "resnets" => Text($"{side}.{first + index}.0.{Replace(rest, s_residual)}"),
                "attentions" => Text($"{side}.{first + index}.1.{Attention(rest)}"),
                "downsamplers" => Text($"{side}.{first + layers}.0.op.{rest["conv.".Length..]}"),
                _ => Text($"{side}.{first + layers}.{(all.Any(n => n.StartsWith(Text($"up_blocks.{block}.attentions."), StringComparison.Ordinal)) ? 2 : 1)}.conv.{rest["conv.".Length..]}"),
            };
        }

        foreach (var (from, to) in new[] { ("mid_block.resnets.0.", "middle_block.0."), ("mid_block.resnets.1.", "middle_block.2.") })
            if (name.StartsWith(from, StringComparison.Ordinal)) return to + Replace(name[from.Length..], s_residual);
        const string Middle = "mid_block.attentions.0.";
        if (name.StartsWith(Middle, StringComparison.Ordinal)) return "middle_block.1." + Attention(name[Middle.Length..]);
        return Replace(name, [("time_embedding.linear_1", "time_embed.0"), ("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2"), ("time_embedding.linear_2", "time_embed.2"), ("conv_in", "input_blocks.0.0"), ("conv_norm_out", "out.0"), ("conv_out", "out.2")]);
    }

    private static string Attention(string name) => name.StartsWith("transformer_blocks.", StringComparison.Ordinal) ? name : Replace(name, s_attention);

    /// <summary>A tensor's name in the file.</summary>
    /// <param name="name">In diffusers' folder of an autoencoder.</param>
    /// <param name="levels">Its levels.</param>
    public static string Autoencoder(string name, int levels)
    {
        string result = name.Replace("conv_shortcut", "nin_shortcut", StringComparison.Ordinal).Replace("conv_norm_out", "norm_out", StringComparison.Ordinal)
            .Replace("mid_block.resnets.0", "mid.block_1", StringComparison.Ordinal).Replace("mid_block.resnets.1", "mid.block_2", StringComparison.Ordinal)
            .Replace("mid_block.attentions.0", "mid.attn_1", StringComparison.Ordinal).Replace("group_norm", "norm", StringComparison.Ordinal).Replace("to_out.0", "proj_out", StringComparison.Ordinal)
            .Replace(".to_", ".", StringComparison.Ordinal).Replace("down_blocks.", "down.", StringComparison.Ordinal).Replace(".resnets.", ".block.", StringComparison.Ordinal)
            .Replace("downsamplers.0.", "downsample.", StringComparison.Ordinal).Replace("upsamplers.0.", "upsample.", StringComparison.Ordinal);
        return UpBlock().Replace(result, m => Text($"decoder.up.{levels - 1 - Int(m.Groups[1])}"));
    }

    private static string OpenClip(string name) => Replace(name.Replace("text_model.encoder.layers.", "transformer.resblocks.", StringComparison.Ordinal)
        .Replace("text_model.embeddings.token_embedding", "token_embedding", StringComparison.Ordinal).Replace("text_model.embeddings.position_embedding.weight", "positional_embedding", StringComparison.Ordinal)
        .Replace("text_model.final_layer_norm", "ln_final", StringComparison.Ordinal), s_text);

    private static string Replace(string name, (string From, string To)[] pairs)
    {
        foreach (var (from, to) in pairs)
            if (name.Contains(from + ".", StringComparison.Ordinal)) return name.Replace(from + ".", to + ".", StringComparison.Ordinal);
        return name;
    }

    private static int Int(Group group) => int.Parse(group.Value, CultureInfo.InvariantCulture);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)$")]
    private static partial Regex Block();

    [GeneratedRegex(@"\.attentions\.\d+\.to_([qkv])\.")]
    private static partial Regex Projection();

    [GeneratedRegex(@"^decoder\.up_blocks\.(\d+)")]
    private static partial Regex UpBlock();
}
