using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>States of a <c>UNet2DConditionModel</c> whose rows and columns its levels do not halve.</summary>
public class OddSizeTests
{
    [Theory]
    [InlineData(5, 7, "5x7 3x4 2x2 2x2 3x4 5x7")]
    [InlineData(9, 6, "9x6 5x3 3x2 3x2 5x3 9x6")]
    [InlineData(1, 2, "1x2 1x1 1x1 1x1 1x1 1x2")]
    [InlineData(8, 12, "8x12 4x6 2x3 2x3 4x6 8x12")]
    public void Half_is_rounded_up_and_enlarged_to_what_it_was(int height, int width, string sizes)
    {
        Network network = UNetImporter.Import(SyntheticNetwork.Read(Configuration(height, width)), SourceTensors.None()).Network;
        string[] read = ["conv_in", "down_blocks.0.downsamplers.0.conv", "down_blocks.1.downsamplers.0.conv", "mid_block.resnets.1.conv2", "up_blocks.0.upsamplers.0.conv", "up_blocks.1.upsamplers.0.conv"];
        Assert.Equal(sizes, string.Join(' ', read.Select(name => network.Maps.Single(m => m.Name == name)).Select(m => $"{m.Height}x{m.Width}")));
    }

    /// <summary>What PyTorch 1.13 gives for the same weights and numbers: a network written after diffusers' own, with its <c>interpolate(size=…)</c>, which gives the outputs of small-cond and small-sd15 that
    /// the library stored within 2.3e-6.</summary>
    [Theory]
    [MemberData(nameof(Stored))]
    public void Predictions_are_those_of_pytorch(int height, int width, float[] expected)
    {
        float[] actual = new SyntheticNetwork(Configuration(height, width)).Evaluate(20, Numbers(height * width), Numbers(2 * Context));
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max(), 0, 2e-5);
    }

    /// <summary>With zeros on one side alone half of an odd size is rounded down, and what it is enlarged to is not twice that.</summary>
    [Fact]
    public void Padding_on_one_side_takes_sizes_that_halve()
    {
        const string padding = ", \"downsample_padding\": 0";
        var refused = Assert.Throws<UnsupportedModelException>(() => SyntheticNetwork.Read(Configuration(8, 6, padding)));
        Assert.Equal("sample_size", refused.Key);
        Assert.Contains("downsample_padding 1", refused.Message, StringComparison.Ordinal);
        Assert.Equal(8, SyntheticNetwork.Read(Configuration(8, 4, padding)).Height);
    }

    internal const int Context = 6;

    /// <summary>Three levels.</summary>
    internal static string Configuration(int height, int width, string more = "") => $$"""
        {"_class_name": "UNet2DConditionModel", "sample_size": [{{height}}, {{width}}], "in_channels": 1, "out_channels": 1, "block_out_channels": [8, 8, 16], "layers_per_block": 1, "norm_num_groups": 4,
         "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"], "cross_attention_dim": {{Context}}, "attention_head_dim": 2{{more}}}
        """;

    /// <summary>Between −1 and 1, easily made elsewhere.</summary>
    internal static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => (i * 7919 % 2001 - 1000) / 1000f)];

    public static TheoryData<int, int, float[]> Stored => new()
    {
        {
            5, 7,
            [
                0.913150f, 0.362770f, 0.319173f, -0.150524f, -0.118312f, -0.392444f, 0.010045f,
                0.770442f, 0.694007f, -0.063411f, -0.055288f, -0.113403f, -0.871406f, -0.105332f,
                0.372144f, 0.615547f, -0.156746f, 0.924050f, 0.129716f, 0.891383f, 0.633075f,
                -0.086438f, 0.485396f, 1.800437f, 0.221813f, 0.450091f, 0.675044f, 0.100568f,
                -0.206311f, -0.106393f, -0.151555f, -0.548973f, -0.858941f, -0.536938f, -0.181274f,
            ]
        },
        {
            9, 6,
            [
                1.030824f, 0.355295f, -0.468835f, -0.427515f, -0.149671f, -0.123203f,
                0.790736f, -0.073321f, -1.059250f, 0.334208f, 0.036590f, 0.004092f,
                0.694076f, 0.175440f, -0.310473f, 0.304418f, 0.173425f, 0.003628f,
                0.363119f, 0.442440f, 0.614777f, 0.968186f, 1.138263f, 0.930838f,
                -0.431771f, 0.131269f, -0.410395f, 0.052345f, 0.539996f, -0.196187f,
                -0.071435f, -0.692989f, -0.906749f, -0.288681f, 0.423146f, 0.588168f,
                0.638954f, -0.243859f, -0.455830f, 0.124325f, 0.193683f, -0.122698f,
                0.340143f, 1.206898f, 1.580983f, 1.704013f, 0.921634f, 0.818109f,
                -0.689416f, -0.451041f, -0.463340f, -0.137256f, -0.108589f, -0.645873f,
            ]
        },
    };
}
