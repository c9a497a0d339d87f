using Specializer.Calibration.Conversion;

namespace Specializer.Calibration.Tests;

/// <summary>Stable Diffusion's kinds of block for inpainting, small: nine channels enter the network, latents of 8×8×4, pictures of 16×16×3.</summary>
internal static class TinyInpainting
{
    public static PipelineRecipe Recipe { get; } = new("inpainting", "StableDiffusionInpaintPipeline",
        [
            new("vae", """{"_class_name": "AutoencoderKL", "block_out_channels": [16, 16], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "latent_channels": 4, "layers_per_block": 1, "norm_num_groups": 8, "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}"""),
            new("text_encoder", """{"architectures": ["CLIPTextModel"], "hidden_size": 24, "intermediate_size": 48, "max_position_embeddings": 12, "model_type": "clip_text_model", "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": 600}"""),
            new("unet", """{"_class_name": "UNet2DConditionModel", "attention_head_dim": 2, "block_out_channels": [32, 32], "cross_attention_dim": 24, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "in_channels": 9, "layers_per_block": 1, "norm_num_groups": 8, "out_channels": 4, "sample_size": 8, "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]}"""),
        ], PipelineRecipe.Noise("DDIMScheduler", "epsilon"));
}
