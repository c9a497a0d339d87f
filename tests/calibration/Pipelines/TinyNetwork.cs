using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>The smallest model in diffusers' layout that is calibrated like any other: pictures of 4×4×1, 8 channels, one block each way, random weights.</summary>
internal sealed class TinyNetwork : IDisposable
{
    private const int Wide = 8, Time = 4 * Wide;

    private readonly TemporaryFolder _folder = new();

    /// <param name="seed">Of the weights.</param>
    public TinyNetwork(int seed = 1)
    {
        Directory.CreateDirectory(Root);
        File.WriteAllText(Path.Combine(Root, "config.json"), $$"""
            {"_class_name": "UNet2DModel", "sample_size": 4, "in_channels": 1, "out_channels": 1, "block_out_channels": [{{Wide}}], "layers_per_block": 1, "norm_num_groups": 4,
             "down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"], "add_attention": false}
            """);
        File.WriteAllText(Path.Combine(Root, "scheduler_config.json"), """{"_class_name": "DDPMScheduler", "num_train_timesteps": 1000}""");
        var tensors = new RandomTensors(seed);
        tensors.Convolution("conv_in", 1, Wide);
        tensors.Linear("time_embedding.linear_1", Wide, Time);
        tensors.Linear("time_embedding.linear_2", Time, Time);
        tensors.Residual("down_blocks.0.resnets.0", Wide, Wide, Time);
        tensors.Residual("mid_block.resnets.0", Wide, Wide, Time);
        tensors.Residual("mid_block.resnets.1", Wide, Wide, Time);
        foreach (int layer in (int[])[0, 1]) tensors.Residual($"up_blocks.0.resnets.{layer}", 2 * Wide, Wide, Time);
        tensors.Norm("conv_norm_out", Wide);
        tensors.Convolution("conv_out", Wide, 1);
        tensors.Save(Path.Combine(Root, "diffusion_pytorch_model.safetensors"));
    }

    /// <summary>The model's folder.</summary>
    public string Root => _folder.File("tiny");

    public void Dispose() => _folder.Dispose();
}
