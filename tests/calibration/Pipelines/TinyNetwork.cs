using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>The smallest model in diffusers' layout that is calibrated like any other: pictures of 4×4×1, few channels, one block each way, random weights.</summary>
internal sealed class TinyNetwork : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <param name="seed">Of the weights.</param>
    /// <param name="wide">Channels.</param>
    /// <param name="groups">Groups of norms.</param>
    /// <param name="change">Changes a tensor's values, by its name.</param>
    public TinyNetwork(int seed = 1, int wide = 8, int groups = 4, Action<string, float[]>? change = null)
    {
        int time = 4 * wide;
        Directory.CreateDirectory(Root);
        File.WriteAllText(Path.Combine(Root, "config.json"), $$"""
            {"_class_name": "UNet2DModel", "sample_size": 4, "in_channels": 1, "out_channels": 1, "block_out_channels": [{{wide}}], "layers_per_block": 1, "norm_num_groups": {{groups}},
             "down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"], "add_attention": false}
            """);
        File.WriteAllText(Path.Combine(Root, "scheduler_config.json"), """{"_class_name": "DDPMScheduler", "num_train_timesteps": 1000}""");
        var tensors = new RandomTensors(seed);
        tensors.Convolution("conv_in", 1, wide);
        tensors.Linear("time_embedding.linear_1", wide, time);
        tensors.Linear("time_embedding.linear_2", time, time);
        tensors.Residual("down_blocks.0.resnets.0", wide, wide, time);
        tensors.Residual("mid_block.resnets.0", wide, wide, time);
        tensors.Residual("mid_block.resnets.1", wide, wide, time);
        foreach (int layer in (int[])[0, 1]) tensors.Residual($"up_blocks.0.resnets.{layer}", 2 * wide, wide, time);
        tensors.Norm("conv_norm_out", wide);
        tensors.Convolution("conv_out", wide, 1);
        if (change is not null) tensors.Change(change);
        tensors.Save(Path.Combine(Root, "diffusion_pytorch_model.safetensors"));
    }

    /// <summary>The model's folder.</summary>
    public string Root => _folder.File("tiny");

    public void Dispose() => _folder.Dispose();
}
