using Specializer.Calibration.Conversion;

namespace Specializer.Calibration.Tests;

/// <summary>LDM-4's kinds of block and parts, small: 6 classes, latents of 8×8×3, pictures of 16×16×3.</summary>
internal static class TinyLatentDiffusion
{
    /// <summary>Channels of a class's token.</summary>
    public const int Context = 24;

    public static PipelineRecipe Recipe { get; } = new("ldm", "LDMPipeline",
        [
            new("vqvae", """{"_class_name": "VQModel", "block_out_channels": [32, 64], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "latent_channels": 3, "num_vq_embeddings": 64, "layers_per_block": 1, "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}"""),
            new("unet", """{"_class_name": "UNet2DConditionModel", "in_channels": 3, "out_channels": 3, "block_out_channels": [32, 64], "cross_attention_dim": 24, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "layers_per_block": 1, "sample_size": 8, "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "attention_head_dim": 1}"""),
            new("class_embedder", """{"_class_name": "ClassEmbedder", "embed_dim": 24, "n_classes": 6, "null_label": 5}"""),
        ], PipelineRecipe.LatentDiffusionNoise);
}
