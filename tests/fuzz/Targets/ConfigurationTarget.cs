using Specializer.Calibration;

namespace Specializer.Fuzz;

/// <summary>Reads what a model folder says of a pipeline: its index, the configurations of its parts, the index of weights in several files. Each input is tried as every one.</summary>
internal sealed class ConfigurationTarget : FuzzTarget
{
    // Where none of the files lies that an index names.
    private const string Nowhere = "/nowhere";

    private static readonly Action<ConfigurationReader>[] s_readers =
    [
        json => UNetConfiguration.Read(json), json => new ModelScheduler(json).Check(), json => Pipeline.Read(json), json => AutoencoderConfiguration.Read(json),
        json => TinyAutoencoderConfiguration.Read(json), json => TextEncoderConfiguration.Read(json), json => ModelWeights.Shards(Nowhere, json),
    ];

    public override string Name => "config";

    public override IEnumerable<byte[]> Seeds =>
    [
        """
        {"_class_name": "UNet2DModel", "_diffusers_version": "0.30.3", "sample_size": 28, "in_channels": 1, "out_channels": 1, "block_out_channels": [32, 64, 64], "layers_per_block": 1,
        "down_block_types": ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D"], "norm_num_groups": 8, "attention_head_dim": 32,
        "num_class_embeds": 11, "freq_shift": 0, "flip_sin_to_cos": true, "norm_eps": 1e-5, "downsample_padding": 1, "mid_block_scale_factor": 1, "act_fn": "silu", "add_attention": true}
        """u8.ToArray(),
        """
        {"_class_name": "DDPMScheduler", "num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02, "trained_betas": null, "variance_type": "fixed_small",
        "clip_sample": true, "clip_sample_range": 1.0, "prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 0, "thresholding": false, "rescale_betas_zero_snr": false}
        """u8.ToArray(),
        """{"_class_name": "DDIMScheduler", "trained_betas": [0.1, 0.2], "num_train_timesteps": 2, "set_alpha_to_one": true}"""u8.ToArray(),
        """
        {"_class_name": "UNet2DConditionModel", "sample_size": 8, "in_channels": 4, "out_channels": 4, "block_out_channels": [16, 16], "layers_per_block": 1, "norm_num_groups": 8,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "mid_block_type": "UNetMidBlock2DCrossAttn", "cross_attention_dim": 24,
        "attention_head_dim": [2, 2], "transformer_layers_per_block": [1, 1], "use_linear_projection": true, "addition_embed_type": null, "class_embed_type": null, "time_cond_proj_dim": null, "only_cross_attention": false}
        """u8.ToArray(),
        """
        {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.3", "vae": ["diffusers", "AutoencoderKL"], "unet": ["diffusers", "UNet2DConditionModel"], "guidance_rescale": 0.0,
        "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"], "scheduler": ["diffusers", "DDIMScheduler"], "safety_checker": [null, null], "force_zeros_for_empty_prompt": true}
        """u8.ToArray(),
        """
        {"_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": 4, "block_out_channels": [16, 16], "layers_per_block": 1, "norm_num_groups": 8, "scaling_factor": 0.5,
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"], "act_fn": "silu", "sample_size": 16, "shift_factor": null}
        """u8.ToArray(),
        """{"_class_name": "VQModel", "block_out_channels": [32], "latent_channels": 3, "num_vq_embeddings": 256, "vq_embed_dim": null, "lookup_from_codebook": false, "mid_block_add_attention": true}"""u8.ToArray(),
        """
        {"_class_name": "AutoencoderTiny", "act_fn": "relu", "encoder_block_out_channels": [64, 64], "decoder_block_out_channels": [64, 64], "num_encoder_blocks": [1, 3], "num_decoder_blocks": [3, 1],
        "latent_channels": 4, "scaling_factor": 1.0, "shift_factor": 0.0, "upsampling_scaling_factor": 2}
        """u8.ToArray(),
        """
        {"architectures": ["CLIPTextModelWithProjection"], "model_type": "clip_text_model", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "projection_dim": 16,
        "max_position_embeddings": 8, "hidden_act": "quick_gelu", "vocab_size": 300, "eos_token_id": 2, "layer_norm_eps": 1e-5}
        """u8.ToArray(),
        """{"metadata": {"total_size": 8}, "weight_map": {"conv.weight": "model-00001-of-00002.safetensors", "conv.bias": "model-00002-of-00002.safetensors"}}"""u8.ToArray(),
    ];

    public override byte[] Mutate(byte[] input, Mutator mutator) => mutator.Json(input);

    public override string Read(byte[] input)
    {
        ConfigurationReader json;
        try
        {
            json = ConfigurationReader.Parse("config.json", input);
        }
        catch (ModelImportException e)
        {
            return e.Message;
        }

        return string.Join(" / ", s_readers.Select(read => Answer(() => read(json.Anew()))));
    }

    private static string Answer(Action read)
    {
        try
        {
            read();
            return "accepted";
        }
        catch (ModelImportException e)
        {
            return e.Message;
        }
    }
}
