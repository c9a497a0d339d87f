using System.Text.Json;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>A Stable Diffusion of a test's own in diffusers' layout, with the emoji model's scheduler and kinds of block and random weights: prompts of up to 6 words, latents of 8×8×4, pictures of 16×16×3.</summary>
internal sealed class TinyPipeline : IDisposable
{
    private const int Context = 16, Wide = 32, Time = 4 * Wide;

    private readonly TemporaryFolder _folder = new();
    private readonly RandomTensors _tensors;

    /// <param name="latents">Channels that the decoder reads; the network's are 4.</param>
    /// <param name="textLayers">Layers of the text encoder.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="guidance">Numbers that the scale of guidance is to the network, a latent consistency model then; 0 for one that reads none.</param>
    public TinyPipeline(int latents = 4, int textLayers = 1, int seed = 1, int guidance = 0)
    {
        _tensors = new(seed);
        Write("model_index.json", """
            {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.3", "vae": ["diffusers", "AutoencoderKL"], "unet": ["diffusers", "UNet2DConditionModel"],
             "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"], "scheduler": ["diffusers", "DDIMScheduler"], "safety_checker": [null, null]}
            """);
        Write("scheduler/scheduler_config.json", """
            {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000, "clip_sample": false,
             "set_alpha_to_one": false, "steps_offset": 1, "prediction_type": "epsilon"}
            """);
        Tokenizer(textLayers);
        TextEncoder(textLayers);
        Denoiser(guidance);
        Decoder(latents);
        if (guidance == 0) return;
        Replace("model_index.json", "StableDiffusionPipeline", "LatentConsistencyModelPipeline");
        Replace("model_index.json", "DDIMScheduler", "LCMScheduler");
        Replace("scheduler/scheduler_config.json", "\"DDIMScheduler\"", "\"LCMScheduler\", \"original_inference_steps\": 50, \"timestep_scaling\": 10.0");
    }

    public string Root => _folder.Root;

    public string File(string name) => _folder.File(name);

    /// <summary>Replaces a file, or part of one.</summary>
    public void Replace(string name, string before, string after)
    {
        string text = System.IO.File.ReadAllText(File(name));
        Assert.Contains(before, text, StringComparison.Ordinal);
        Write(name, text.Replace(before, after, StringComparison.Ordinal));
    }

    public void Dispose() => _folder.Dispose();

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File(name))!);
        System.IO.File.WriteAllText(File(name), text);
    }

    // A letter is a token, alone and at a word's end; of the other bytes nothing is asked.
    private void Tokenizer(int layers)
    {
        string[] symbols = [.. Symbols().Select(c => c.ToString())];
        string[] tokens = [.. symbols, .. symbols.Select(s => s + "</w>"), "re", "red</w>", "<|startoftext|>", "<|endoftext|>"];
        Write("tokenizer/vocab.json", JsonSerializer.Serialize(tokens.Select((token, id) => KeyValuePair.Create(token, id)).ToDictionary()));
        Write("tokenizer/merges.txt", "#version: 0.2\nr e\nre d</w>\n");
        Write("tokenizer/tokenizer_config.json",
            """{"tokenizer_class": "CLIPTokenizer", "model_max_length": 8, "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}""");
        Write("text_encoder/config.json", $$"""
            {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "hidden_size": {{Context}}, "intermediate_size": 32, "num_hidden_layers": {{layers}}, "num_attention_heads": 2,
             "max_position_embeddings": 8, "hidden_act": "quick_gelu", "vocab_size": {{tokens.Length}}}
            """);
        _tensors.Add("text_model.embeddings.token_embedding.weight", 1, tokens.Length, Context);
    }

    // As CLIP writes bytes: printable ones of Latin-1 are themselves, the others follow from U+0100 on.
    private static IEnumerable<char> Symbols()
    {
        char next = '\u0100';
        for (int value = 0; value < 256; value++) yield return value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : next++;
    }

    private void TextEncoder(int layers)
    {
        _tensors.Add("text_model.embeddings.position_embedding.weight", 1, 8, Context);
        for (int i = 0; i < layers; i++)
        {
            string layer = $"text_model.encoder.layers.{i}";
            foreach (string part in (string[])["q_proj", "k_proj", "v_proj", "out_proj"]) _tensors.Linear($"{layer}.self_attn.{part}", Context, Context);
            _tensors.Norm($"{layer}.layer_norm1", Context);
            _tensors.Norm($"{layer}.layer_norm2", Context);
            _tensors.Linear($"{layer}.mlp.fc1", Context, 32);
            _tensors.Linear($"{layer}.mlp.fc2", 32, Context);
        }

        _tensors.Norm("text_model.final_layer_norm", Context);
        _tensors.Save(File("text_encoder/model.safetensors"));
    }

    private void Denoiser(int guidance)
    {
        Write("unet/config.json", $$"""
            {"_class_name": "UNet2DConditionModel", "sample_size": 8, "in_channels": 4, "out_channels": 4, "block_out_channels": [{{Wide}}, {{Wide}}], "layers_per_block": 1,
             "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "cross_attention_dim": {{Context}},
             "attention_head_dim": 2, "norm_num_groups": 8, "time_cond_proj_dim": {{(guidance == 0 ? "null" : $"{guidance}")}}}
            """);
        _tensors.Convolution("conv_in", 4, Wide);
        if (guidance > 0) _tensors.Add("time_embedding.cond_proj.weight", guidance, Wide, guidance);
        _tensors.Linear("time_embedding.linear_1", Wide, Time);
        _tensors.Linear("time_embedding.linear_2", Time, Time);
        _tensors.Residual("down_blocks.0.resnets.0", Wide, Wide, Time);
        Transformer("down_blocks.0.attentions.0");
        _tensors.Convolution("down_blocks.0.downsamplers.0.conv", Wide, Wide);
        _tensors.Residual("down_blocks.1.resnets.0", Wide, Wide, Time);
        _tensors.Residual("mid_block.resnets.0", Wide, Wide, Time);
        Transformer("mid_block.attentions.0");
        _tensors.Residual("mid_block.resnets.1", Wide, Wide, Time);
        foreach (int layer in (int[])[0, 1])
        {
            _tensors.Residual($"up_blocks.0.resnets.{layer}", 2 * Wide, Wide, Time);
            _tensors.Residual($"up_blocks.1.resnets.{layer}", 2 * Wide, Wide, Time);
            Transformer($"up_blocks.1.attentions.{layer}");
        }

        _tensors.Convolution("up_blocks.0.upsamplers.0.conv", Wide, Wide);
        _tensors.Norm("conv_norm_out", Wide);
        _tensors.Convolution("conv_out", Wide, 4);
        _tensors.Save(File("unet/diffusion_pytorch_model.safetensors"));
    }

    private void Decoder(int latents)
    {
        Write("vae/config.json", $$"""
            {"_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": {{latents}}, "block_out_channels": [16, 16], "layers_per_block": 1, "norm_num_groups": 8,
             "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"], "act_fn": "silu", "sample_size": 16, "scaling_factor": 0.5}
            """);
        _tensors.Convolution("post_quant_conv", latents, latents, 1);
        _tensors.Convolution("decoder.conv_in", latents, 16);
        _tensors.Residual("decoder.mid_block.resnets.0", 16, 16, 0);
        _tensors.Norm("decoder.mid_block.attentions.0.group_norm", 16);
        foreach (string part in (string[])["to_q", "to_k", "to_v", "to_out.0"]) _tensors.Linear($"decoder.mid_block.attentions.0.{part}", 16, 16);
        _tensors.Residual("decoder.mid_block.resnets.1", 16, 16, 0);
        for (int block = 0; block < 2; block++)
            for (int layer = 0; layer < 2; layer++)
                _tensors.Residual($"decoder.up_blocks.{block}.resnets.{layer}", 16, 16, 0);
        _tensors.Convolution("decoder.up_blocks.0.upsamplers.0.conv", 16, 16);
        _tensors.Norm("decoder.conv_norm_out", 16);
        _tensors.Convolution("decoder.conv_out", 16, 3);
        Encoder(latents);
        _tensors.Save(File("vae/diffusion_pytorch_model.safetensors"));
    }

    private void Encoder(int latents)
    {
        _tensors.Convolution("encoder.conv_in", 3, 16);
        for (int block = 0; block < 2; block++) _tensors.Residual($"encoder.down_blocks.{block}.resnets.0", 16, 16, 0);
        _tensors.Convolution("encoder.down_blocks.0.downsamplers.0.conv", 16, 16);
        _tensors.Residual("encoder.mid_block.resnets.0", 16, 16, 0);
        _tensors.Norm("encoder.mid_block.attentions.0.group_norm", 16);
        foreach (string part in (string[])["to_q", "to_k", "to_v", "to_out.0"]) _tensors.Linear($"encoder.mid_block.attentions.0.{part}", 16, 16);
        _tensors.Residual("encoder.mid_block.resnets.1", 16, 16, 0);
        _tensors.Norm("encoder.conv_norm_out", 16);
        _tensors.Convolution("encoder.conv_out", 16, 2 * latents);
        _tensors.Convolution("quant_conv", 2 * latents, 2 * latents, 1);
    }

    private void Transformer(string name)
    {
        string block = $"{name}.transformer_blocks.0";
        _tensors.Norm($"{name}.norm", Wide);
        _tensors.Convolution($"{name}.proj_in", Wide, Wide, 1);
        foreach (string norm in (string[])["norm1", "norm2", "norm3"]) _tensors.Norm($"{block}.{norm}", Wide);
        foreach (string attention in (string[])["attn1", "attn2"])
        {
            _tensors.Add($"{block}.{attention}.to_q.weight", Wide, Wide, Wide);
            foreach (string part in (string[])["to_k", "to_v"]) _tensors.Add($"{block}.{attention}.{part}.weight", Wide, Wide, attention == "attn1" ? Wide : Context);
            _tensors.Linear($"{block}.{attention}.to_out.0", Wide, Wide);
        }

        _tensors.Linear($"{block}.ff.net.0.proj", Wide, 8 * Wide);
        _tensors.Linear($"{block}.ff.net.2", 4 * Wide, Wide);
        _tensors.Convolution($"{name}.proj_out", Wide, Wide, 1);
    }
}
