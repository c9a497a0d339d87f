namespace Specializer.Calibration.Tests;

/// <summary>Types of block of <c>UNet2DModel</c> that few published models have.</summary>
public class BlockTypeTests
{
    private const int Size = 4;

    /// <summary>They equal blocks whose attention adds nothing.</summary>
    [Theory]
    [InlineData("default")]
    [InlineData("scale_shift")]
    public void Residual_blocks_resample_behind_blocks_without_attention(string shift)
    {
        SyntheticNetwork network = new(Configuration("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D", "conv", shift)), attending = new(Configuration("AttnDownBlock2D", "AttnUpBlock2D", "resnet", shift), like: network);
        Assert.Equal(["down_blocks.0.downsamplers.0.conv1.weight", "up_blocks.0.upsamplers.0.conv1.weight"], network.Names("samplers.0.conv1.weight"));
        string[] outer = [.. attending.Names("to_out.0.weight"), .. attending.Names("to_out.0.bias")];
        Assert.Equal(6, outer.Length);
        foreach (string name in outer) attending[name] = new float[attending[name].Length];
        float[] x = [.. Enumerable.Range(0, Size * Size).Select(i => MathF.Sin(i))];
        Assert.InRange(attending.Evaluate(300, x, null).Zip(network.Evaluate(300, x, null), (a, b) => Math.Abs(a - b)).Max(), 0, 1e-6);
    }

    private static string Configuration(string down, string up, string resampler, string shift) => $$"""
        {"_class_name": "UNet2DModel", "sample_size": {{Size}}, "in_channels": 1, "out_channels": 1, "block_out_channels": [8, 8], "layers_per_block": 1, "norm_num_groups": 4, "add_attention": false,
         "down_block_types": ["{{down}}", "DownBlock2D"], "up_block_types": ["{{up}}", "UpBlock2D"], "attention_head_dim": 4,
         "downsample_type": "{{resampler}}", "upsample_type": "{{resampler}}", "resnet_time_scale_shift": "{{shift}}"}
        """;
}
