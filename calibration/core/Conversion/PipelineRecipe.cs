namespace Specializer.Calibration.Conversion;

/// <summary>A published model as its configurations describe it.</summary>
/// <param name="Name">For the command line.</param>
/// <param name="Class">The pipeline's class in diffusers.</param>
/// <param name="Components">Its parts with weights, in the order of <c>model_index.json</c>.</param>
/// <param name="Scheduler">The scheduler's <c>scheduler_config.json</c>.</param>
internal sealed record PipelineRecipe(string Name, string Class, RecipeComponent[] Components, string Scheduler)
{
    private const string Kl =
        """{"_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": [128, 256, 512, 512], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"], "in_channels": 3, "latent_channels": 4, "layers_per_block": 2, "norm_num_groups": 32, "out_channels": 3, "sample_size": 512, "scaling_factor": FACTOR, "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}""";

    private const string Vq =
        """{"_class_name": "VQModel", "act_fn": "silu", "block_out_channels": [128, 256, 512], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"], "in_channels": 3, "latent_channels": 3, "layers_per_block": 2, "num_vq_embeddings": 8192, "out_channels": 3, "sample_size": 256, "scaling_factor": 1.0, "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}""";

    private const string Ddpm = """{"_class_name": "DDPMScheduler", "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001, "clip_sample": true, "num_train_timesteps": 1000, "variance_type": "VARIANCE"}""";

    private const string StableDiffusion =
        """{"_class_name": "SCHEDULER", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false, "num_train_timesteps": 1000, "prediction_type": "PREDICTION", "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1}""";

    private const string Euler =
        """{"_class_name": "EulerDiscreteScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000, "prediction_type": "epsilon", "steps_offset": 1, "timestep_spacing": "leading"}""";

    private const string LatentDdim =
        """{"_class_name": "DDIMScheduler", "beta_end": 0.0195, "beta_schedule": "scaled_linear", "beta_start": 0.0015, "clip_sample": false, "num_train_timesteps": 1000, "set_alpha_to_one": false, "steps_offset": 1}""";

    private const string StableDiffusionXl =
        """{"_class_name": "UNet2DConditionModel", "act_fn": "silu", "addition_embed_type": "text_time", "addition_time_embed_dim": 256, "attention_head_dim": [5, 10, 20], "block_out_channels": [320, 640, 1280], "cross_attention_dim": 2048, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"], "downsample_padding": 1, "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 4, "layers_per_block": 2, "mid_block_scale_factor": 1, "norm_eps": 1e-05, "norm_num_groups": 32, "out_channels": 4, "projection_class_embeddings_input_dim": 2816, "sample_size": SIZE, "transformer_layers_per_block": [1, 2, 10], "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], "use_linear_projection": true}""";

    private const string BigClip =
        """{"architectures": ["CLIPTextModelWithProjection"], "eos_token_id": 2, "hidden_act": "gelu", "hidden_size": 1280, "intermediate_size": 5120, "layer_norm_eps": 1e-05, "max_position_embeddings": 77, "model_type": "clip_text_model", "num_attention_heads": 20, "num_hidden_layers": 32, "projection_dim": 1280, "vocab_size": 49408}""";

    private const string SmallClip =
        """{"architectures": ["CLASS"], "eos_token_id": 2, "hidden_act": "ACT", "hidden_size": WIDTH, "intermediate_size": 64, "layer_norm_eps": 1e-05, "max_position_embeddings": 12, "model_type": "clip_text_model", "num_attention_heads": 2, "num_hidden_layers": 2, "projection_dim": WIDTH, "vocab_size": 600}""";

    private const string Clip =
        """{"architectures": ["CLIPTextModel"], "eos_token_id": 2, "hidden_act": "quick_gelu", "hidden_size": 768, "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 77, "model_type": "clip_text_model", "num_attention_heads": 12, "num_hidden_layers": 12, "projection_dim": 768, "vocab_size": 49408}""";

    /// <summary>All that there are.</summary>
    public static PipelineRecipe[] All { get; } =
    [
        new("cifar10-32", "DDPMPipeline",
            [new("unet", """{"_class_name": "UNet2DModel", "act_fn": "silu", "attention_head_dim": null, "block_out_channels": [128, 256, 256, 256], "center_input_sample": false, "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"], "downsample_padding": 0, "flip_sin_to_cos": false, "freq_shift": 1, "in_channels": 3, "layers_per_block": 2, "mid_block_scale_factor": 1, "norm_eps": 1e-06, "norm_num_groups": 32, "out_channels": 3, "sample_size": 32, "time_embedding_type": "positional", "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"]}""")],
            Ddpm.Replace("VARIANCE", "fixed_large", StringComparison.Ordinal)),
        new("celebahq-256", "DDPMPipeline",
            [new("unet", """{"_class_name": "UNet2DModel", "act_fn": "silu", "attention_head_dim": null, "block_out_channels": [128, 128, 256, 256, 512, 512], "center_input_sample": false, "down_block_types": ["DownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"], "downsample_padding": 0, "flip_sin_to_cos": false, "freq_shift": 1, "in_channels": 3, "layers_per_block": 2, "mid_block_scale_factor": 1, "norm_eps": 1e-06, "norm_num_groups": 32, "out_channels": 3, "sample_size": 256, "time_embedding_type": "positional", "up_block_types": ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"]}""")],
            Ddpm.Replace("VARIANCE", "fixed_small", StringComparison.Ordinal)),
        new("ldm-celebahq-256", "LDMPipeline",
            [
                new("vqvae", Vq),
                new("unet", """{"_class_name": "UNet2DModel", "act_fn": "silu", "attention_head_dim": 32, "block_out_channels": [224, 448, 672, 896], "center_input_sample": false, "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"], "downsample_padding": 1, "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 3, "layers_per_block": 2, "mid_block_scale_factor": 1, "norm_eps": 1e-05, "norm_num_groups": 32, "out_channels": 3, "sample_size": 64, "time_embedding_type": "positional", "up_block_types": ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"]}"""),
            ],
            LatentDdim.Replace("\"set_alpha_to_one\": false, \"steps_offset\": 1", "\"set_alpha_to_one\": true, \"steps_offset\": 0", StringComparison.Ordinal)),
        new("ldm-cin256-v2", "LDMPipeline",
            [
                new("vqvae", Vq),
                new("unet", """{"_class_name": "UNet2DConditionModel", "attention_head_dim": 1, "block_out_channels": [192, 384, 576, 960], "cross_attention_dim": 512, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"], "downsample_padding": 1, "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 3, "layers_per_block": 2, "norm_eps": 1e-05, "norm_num_groups": 32, "out_channels": 3, "sample_size": 64, "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]}"""),
                new("class_embedder", """{"_class_name": "ClassEmbedder", "embed_dim": 512, "n_classes": 1001, "null_label": 1000}"""),
            ], LatentDdim),
        new("sd15", "StableDiffusionPipeline",
            [
                new("vae", Kl.Replace("FACTOR", "0.18215", StringComparison.Ordinal)),
                new("text_encoder", Clip),
                new("unet", """{"_class_name": "UNet2DConditionModel", "act_fn": "silu", "attention_head_dim": 8, "block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 768, "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"], "downsample_padding": 1, "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 4, "layers_per_block": 2, "mid_block_scale_factor": 1, "norm_eps": 1e-05, "norm_num_groups": 32, "out_channels": 4, "sample_size": 64, "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]}"""),
            ], Noise("PNDMScheduler", "epsilon")),
        new("sd21", "StableDiffusionPipeline",
            [
                new("vae", Kl.Replace("FACTOR", "0.18215", StringComparison.Ordinal)),
                new("text_encoder", """{"architectures": ["CLIPTextModel"], "eos_token_id": 2, "hidden_act": "gelu", "hidden_size": 1024, "intermediate_size": 4096, "layer_norm_eps": 1e-05, "max_position_embeddings": 77, "model_type": "clip_text_model", "num_attention_heads": 16, "num_hidden_layers": 23, "projection_dim": 512, "vocab_size": 49408}"""),
                new("unet", """{"_class_name": "UNet2DConditionModel", "act_fn": "silu", "attention_head_dim": [5, 10, 20, 20], "block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 1024, "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"], "downsample_padding": 1, "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 4, "layers_per_block": 2, "mid_block_scale_factor": 1, "norm_eps": 1e-05, "norm_num_groups": 32, "out_channels": 4, "sample_size": 96, "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"], "use_linear_projection": true}"""),
            ], Noise("DDIMScheduler", "v_prediction")),
        Xl("sdxl", StableDiffusionXl.Replace("SIZE", "128", StringComparison.Ordinal), [new("text_encoder", Clip), new("text_encoder_2", BigClip)], Euler),
        Xl("sdxl-turbo", StableDiffusionXl.Replace("SIZE", "64", StringComparison.Ordinal), [new("text_encoder", Clip), new("text_encoder_2", BigClip)],
            Euler.Replace("EulerDiscrete", "EulerAncestralDiscrete", StringComparison.Ordinal).Replace("leading", "trailing", StringComparison.Ordinal)),
        // Not a published model: one of the same kinds of block that is calibrated and built in seconds.
        Xl("small-sdxl",
            """{"_class_name": "UNet2DConditionModel", "act_fn": "silu", "addition_embed_type": "text_time", "addition_time_embed_dim": 16, "attention_head_dim": [2, 4], "block_out_channels": [32, 64], "cross_attention_dim": 64, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "in_channels": 4, "layers_per_block": 2, "norm_num_groups": 16, "out_channels": 4, "projection_class_embeddings_input_dim": 136, "sample_size": 8, "transformer_layers_per_block": [1, 2], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"], "use_linear_projection": true}""",
            [new("text_encoder", Small("CLIPTextModel", "quick_gelu", 24)), new("text_encoder_2", Small("CLIPTextModelWithProjection", "gelu", 40))], Euler,
            """{"_class_name": "AutoencoderKL", "block_out_channels": [32, 32], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "latent_channels": 4, "layers_per_block": 1, "norm_num_groups": 16, "sample_size": 16, "scaling_factor": 0.13025, "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}"""),
    ];

    private static PipelineRecipe Xl(string name, string network, RecipeComponent[] text, string scheduler, string? autoencoder = null) => new(name, "StableDiffusionXLPipeline",
        [new("vae", autoencoder ?? Kl.Replace("FACTOR", "0.13025", StringComparison.Ordinal)), .. text, new("unet", network)], scheduler);

    private static string Small(string type, string activation, int channels) => SmallClip.Replace("CLASS", type, StringComparison.Ordinal)
        .Replace("ACT", activation, StringComparison.Ordinal).Replace("WIDTH", $"{channels}", StringComparison.Ordinal);

    /// <summary>The noise schedule of Stable Diffusion 1 and 2.</summary>
    /// <param name="scheduler">Class.</param>
    /// <param name="prediction">What the network predicts.</param>
    public static string Noise(string scheduler, string prediction) =>
        StableDiffusion.Replace("SCHEDULER", scheduler, StringComparison.Ordinal).Replace("PREDICTION", prediction, StringComparison.Ordinal);

    /// <summary>That of Stable Diffusion XL's base model.</summary>
    /// <param name="prediction">What the network predicts.</param>
    public static string XlNoise(string prediction) => Euler.Replace("\"epsilon\"", $"\"{prediction}\"", StringComparison.Ordinal);

    /// <summary>That of CompVis's latent diffusion, whose steps this class takes as LDM's own sampler does.</summary>
    public static string LatentDiffusionNoise => LatentDdim;

    /// <summary>The pipeline's <c>model_index.json</c>.</summary>
    public string Index => Describe(Class, [.. Components.Select(c => (c.Folder, c.Class))], SchedulerClass);

    private string SchedulerClass => ConfigurationReader.Parse(Name, System.Text.Encoding.UTF8.GetBytes(Scheduler)).Text("_class_name", "");

    /// <summary>A <c>model_index.json</c>.</summary>
    /// <param name="pipeline">Class of the pipeline.</param>
    /// <param name="components">Folder and class of each part.</param>
    /// <param name="scheduler">Class of the scheduler.</param>
    public static string Describe(string pipeline, (string Folder, string Class)[] components, string scheduler) =>
        $$"""
        {
          "_class_name": "{{pipeline}}",
        {{string.Concat(components.Select(c => $"  \"{c.Folder}\": [\"{(c.Class.StartsWith("CLIP", StringComparison.Ordinal) ? "transformers" : "diffusers")}\", \"{c.Class}\"],{Environment.NewLine}"))}}  "scheduler": ["diffusers", "{{scheduler}}"]
        }
        """.ReplaceLineEndings("\n") + "\n";
}

/// <summary>A part of a pipeline with weights.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Configuration">Its <c>config.json</c>.</param>
internal sealed record RecipeComponent(string Folder, string Configuration)
{
    /// <summary>The configuration, read.</summary>
    public ConfigurationReader Reader => ConfigurationReader.Parse($"{Folder}/config.json", System.Text.Encoding.UTF8.GetBytes(Configuration));

    /// <summary>Class in the source library.</summary>
    public string Class => Reader.Text("_class_name", "") is { Length: > 0 } name ? name : Reader.Texts("architectures", []).FirstOrDefault("CLIPTextModel");

    /// <summary>The weights' usual file name.</summary>
    public string WeightsFile => Folder.StartsWith("text_encoder", StringComparison.Ordinal) ? "model.safetensors" : "diffusion_pytorch_model.safetensors";

    /// <summary>Files of the tokenizer that a text encoder reads the tokens of; none for other parts.</summary>
    public IEnumerable<(string Name, string Text)> TokenizerFiles()
    {
        if (!Class.StartsWith("CLIPText", StringComparison.Ordinal)) return [];
        TextEncoderConfiguration text = TextEncoderConfiguration.Read(Reader);
        // Stable Diffusion XL fills its second text encoder's tokens with another one than the end's.
        return SyntheticTokenizer.Files(text.Vocabulary, text.Positions, fillsWithEnd: text.Projection == 0);
    }

    /// <summary>Every tensor with its extents, as the importer asks for them.</summary>
    public IReadOnlyDictionary<string, int[]> Tensors()
    {
        SourceTensors source = SourceTensors.None();
        switch (Class)
        {
            case "UNet2DModel" or "UNet2DConditionModel":
                UNetImporter.Import(UNetConfiguration.Read(Reader), source);
                break;
            case "AutoencoderKL" or "VQModel":
                AutoencoderConfiguration autoencoder = AutoencoderConfiguration.Read(Reader);
                AutoencoderImporter.Encoder(autoencoder, source, autoencoder.Factor, autoencoder.Factor);
                AutoencoderImporter.Decoder(autoencoder, source, 1, 1);
                break;
            case "AutoencoderTiny":
                TinyAutoencoderConfiguration tiny = TinyAutoencoderConfiguration.Read(Reader);
                TinyAutoencoderImporter.Encoder(tiny, source, tiny.Factor, tiny.Factor);
                TinyAutoencoderImporter.Decoder(tiny, source, 1, 1);
                break;
            case ClassEmbedder.ClassName:
                ClassEmbedder.Import(Reader, source);
                break;
            default:
                TextEncoderConfiguration text = TextEncoderConfiguration.Read(Reader);
                TextEncoderImporter.Import(text, source);
                if (text.Projection > 0) TextEncoderImporter.Summary(text, source);
                break;
        }

        return source.Asked;
    }
}
