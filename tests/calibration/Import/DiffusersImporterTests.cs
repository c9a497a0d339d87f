using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class DiffusersImporterTests
{
    [Fact]
    public void Identity_describes_the_source_files()
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);
        Assert.Equal("mnist", model.Name);
        Assert.Equal(1_114_209, model.Parameters);
        Assert.Equal((28, 28, 1, 11, 10), (model.Height, model.Width, model.Channels, model.Classes, model.NullLabel));
        Assert.Matches("^[0-9a-f]{64}$", model.Sha256);
    }

    [Fact]
    public void Tensors_are_exactly_those_that_the_network_asks_for()
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source);
        IReadOnlyDictionary<string, float[]> tensors = model.Tensors([980, 500, 20]);
        var expected = WeightTensors.Of(model.Network, 3);
        Assert.Equal(expected.Keys.Order(), tensors.Keys.Order());
        Assert.All(expected.Values, t => Assert.Equal(t.Bytes, 4L * tensors[t.Name].Length));
    }

    [Fact]
    public void Unconditional_networks_fold_their_projections()
    {
        using ModelFolder folder = new ModelFolder().Without("num_class_embeds")
            .WithTensors((name, shape, data) => name.StartsWith("class_embedding", StringComparison.Ordinal) ? null : (shape, data));
        ImportedModel model = DiffusersImporter.Load(folder.Root);
        Assert.Equal(0, model.Classes);
        Assert.Equal(0, model.Network.Embedding.Width);
        Assert.Equal(2 * model.Network.Embedding.Vectors, model.Tensors([7, 3])["embedding.vectors"].Length);
    }

    [Fact]
    public void Skip_concatenations_become_two_convolutions()
    {
        Network network = DiffusersImporter.Load(ModelFolder.Source).Network;
        var first = Assert.IsType<ConvolutionOperation>(network.Operations.Single(o => o.Name == "up_blocks.2.resnets.0.conv1.0"));
        var second = Assert.IsType<ConvolutionOperation>(network.Operations.Single(o => o.Name == "up_blocks.2.resnets.0.conv1.1"));
        Assert.True(first.Vector >= 0);
        Assert.Equal(-1, second.Vector);
        Assert.Equal(first.Output, second.Residual);
        Assert.Equal((64, 32), (Channels(first.Input), Channels(second.Input)));

        int Channels(string map) => network.Maps.Single(m => m.Name == map).Channels;
    }

    [Fact]
    public void Pipeline_folders_are_read_like_flat_ones()
    {
        using var folder = new ModelFolder();
        using var pipeline = new TemporaryFolder();
        Directory.CreateDirectory(pipeline.File("unet"));
        Directory.CreateDirectory(pipeline.File("scheduler"));
        File.Move(folder.Config, Path.Combine(pipeline.File("unet"), "config.json"));
        File.Move(folder.Weights, Path.Combine(pipeline.File("unet"), "diffusion_pytorch_model.safetensors"));
        File.Move(Path.Combine(folder.Root, "scheduler_config.json"), Path.Combine(pipeline.File("scheduler"), "scheduler_config.json"));
        Assert.Equal(DiffusersImporter.Load(ModelFolder.Source).Network, DiffusersImporter.Load(pipeline.Root).Network);
    }

    [SharedFact("golden/small-attn/diffusion_pytorch_model.oldkeys.safetensors")]
    public void Old_attention_names_give_the_same_tensors()
    {
        string golden = SharedData.Golden("small-attn");
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(golden, "config.json"), folder.File("config.json"));
        File.Copy(Path.Combine(golden, "scheduler_config.json"), folder.File("scheduler_config.json"));
        File.Copy(Path.Combine(golden, "diffusion_pytorch_model.oldkeys.safetensors"), folder.File("diffusion_pytorch_model.safetensors"));
        ImportedModel current = DiffusersImporter.Load(golden), old = DiffusersImporter.Load(folder.Root);
        Assert.Equal(current.Network, old.Network);
        Assert.Equal(current.Tensors([5]).ToDictionary(), old.Tensors([5]).ToDictionary());
    }

    [Fact]
    public void Linear_layers_stored_as_convolutions_are_squeezed()
    {
        using ModelFolder folder = new ModelFolder().WithTensors((name, shape, data) =>
            (name.Contains(".to_", StringComparison.Ordinal) && shape.Length == 2 ? [.. shape, 1, 1] : shape, data));
        Assert.Equal(DiffusersImporter.Load(ModelFolder.Source).Weights.ToDictionary(), DiffusersImporter.Load(folder.Root).Weights.ToDictionary());
    }

    [SharedFact("architectures/ddpm-cifar10-32.unet.txt")]
    public void A_published_model_has_a_place_for_each_of_its_tensors()
    {
        string[] lines = File.ReadAllLines(Path.Combine(SharedData.Root, "architectures", "ddpm-cifar10-32.unet.txt"));
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), lines[1][1..]);
        var shapes = lines.Skip(2).Select(l => l.Split('\t')).ToDictionary(p => p[0], p => p[1].Trim('[', ']').Split(", ").Select(long.Parse).ToArray());
        var source = new SourceTensors("weights", shapes, name => new float[shapes[name].Aggregate(1L, (a, b) => a * b)]);
        var (network, _, _) = UNetImporter.Import(UNetConfiguration.Read(ConfigurationReader.Open(folder.File("config.json"))), source);
        source.Check();
        Assert.Equal(35_746_307, source.Parameters);
        // Downsampling pads below and to the right only.
        var down = (ConvolutionOperation)network.Operations.Single(o => o.Name == "down_blocks.0.downsamplers.0.conv");
        Assert.Equal((0, 0, 2), (down.PaddingTop, down.PaddingLeft, down.Stride));
        // A null attention_head_dim means one head.
        Assert.Equal([1], network.Operations.OfType<AttentionOperation>().Select(a => a.Heads).Distinct());
    }

    [Fact]
    public void Absent_properties_have_the_source_classs_defaults()
    {
        using ModelFolder folder = new ModelFolder().Without("attention_head_dim").With("block_out_channels", "[32, 64, 64]");
        var heads = DiffusersImporter.Load(folder.Root).Network.Operations.OfType<AttentionOperation>().Select(a => a.Heads).Distinct();
        Assert.Equal([8], heads);
    }

    [Theory]
    [InlineData("act_fn", "\"selu\"")]
    [InlineData("resnet_time_scale_shift", "\"spatial\"")]
    [InlineData("downsample_type", "\"fir\"")]
    [InlineData("upsample_type", "\"fir\"")]
    [InlineData("mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"")]
    [InlineData("time_embedding_type", "\"adm\"")]
    [InlineData("class_embed_type", "\"projection\"")]
    [InlineData("_class_name", "\"SD3Transformer2DModel\"")]
    [InlineData("sample_size", "30")]
    [InlineData("sample_size", "null")]
    [InlineData("attention_head_dim", "7")]
    [InlineData("cross_attention_dim", "512")]
    public void What_is_not_computed_is_refused_by_key_and_value(string key, string value)
    {
        using ModelFolder folder = new ModelFolder().With(key, value);
        var e = Assert.Throws<UnsupportedModelException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal((key, value, folder.Config), (e.Key, e.Value, e.File));
        Assert.Contains(key, e.Message, StringComparison.Ordinal);
        Assert.Contains(value, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("30", "28x28 and 32x32")]
    [InlineData("[28, 31]", "28x28 and 28x32")]
    [InlineData("4095", "4092x4092 and 4096x4096")]
    [InlineData("3", "size is 4x4")]
    public void A_size_that_the_levels_do_not_halve_is_refused_and_the_nearest_are_named(string size, string nearest)
    {
        using ModelFolder folder = new ModelFolder().With("sample_size", size);
        UnsupportedSetting refused = Assert.Single(Assert.Throws<UnsupportedModelException>(() => DiffusersImporter.Load(folder.Root)).Settings);
        Assert.Equal("sample_size", refused.Key);
        Assert.Contains("a multiple of 4: 3 levels halve it 2 times", refused.Supported, StringComparison.Ordinal);
        Assert.Contains("UNet2DConditionModel with downsample_padding 1 takes any size", refused.Supported, StringComparison.Ordinal);
        Assert.EndsWith($"{nearest}.", refused.Supported, StringComparison.Ordinal);
    }

    [Fact]
    public void Down_block_types_are_named_when_unknown()
    {
        using ModelFolder folder = new ModelFolder().With("down_block_types", """["DownBlock2D", "SkipDownBlock2D", "AttnDownBlock2D"]""");
        var e = Assert.Throws<UnsupportedModelException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(("down_block_types", "\"SkipDownBlock2D\""), (e.Key, e.Value));
    }

    [Theory]
    [InlineData("_class_name", "\"DDPMScheduler\"", "\"FlowMatchEulerDiscreteScheduler\"")]
    [InlineData("beta_schedule", "\"linear\"", "\"exotic\"")]
    [InlineData("variance_type", "\"fixed_small\"", "\"fixed_large_log\"")]
    public void What_no_scheduler_here_does_is_refused_by_key_and_value(string key, string before, string value)
    {
        using var folder = new ModelFolder();
        string path = Path.Combine(folder.Root, "scheduler_config.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace(before, value, StringComparison.Ordinal));
        var e = Assert.Throws<UnsupportedModelException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal((key, value, path), (e.Key, e.Value, e.File));
    }

    [Theory]
    [InlineData("layers_per_block", "\"two\"")]
    [InlineData("layers_per_block", "0")]
    [InlineData("norm_num_groups", "7")]
    [InlineData("norm_eps", "0")]
    [InlineData("block_out_channels", "[32, 64]")]
    [InlineData("flip_sin_to_cos", "1")]
    [InlineData("sample_size", "[28]")]
    public void Impossible_values_are_refused_by_key(string key, string value)
    {
        using ModelFolder folder = new ModelFolder().With(key, value);
        var e = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(folder.Config, e.File);
        Assert.Contains(e.Key!, (string[])[key, "down_block_types"]);
    }

    [Fact]
    public void Notes_are_ignored()
    {
        using ModelFolder folder = new ModelFolder().With("_name_or_path", "\"anything\"").With("dropout", "0.5");
        Assert.Equal(1_114_209, DiffusersImporter.Load(folder.Root).Parameters);
    }

    [Fact]
    public void Bad_json_is_located()
    {
        using var folder = new ModelFolder();
        File.WriteAllText(folder.Config, "{\n  \"sample_size\": 28,\n}");
        var e = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Contains("line 3", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("scheduler_config.json")]
    [InlineData("diffusion_pytorch_model.safetensors")]
    public void Missing_files_are_named(string name)
    {
        using var folder = new ModelFolder();
        File.Delete(Path.Combine(folder.Root, name));
        var e = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root));
        Assert.EndsWith(name, e.File, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_folder_is_named() =>
        Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"))));

    [Fact]
    public void A_missing_tensor_is_named()
    {
        using ModelFolder folder = new ModelFolder().WithTensors((name, shape, data) => name == "mid_block.resnets.1.conv2.bias" ? null : (shape, data));
        Assert.Equal("mid_block.resnets.1.conv2.bias", Assert.Throws<TensorMismatchException>(() => DiffusersImporter.Load(folder.Root)).Key);
    }

    [Fact]
    public void A_wrong_shape_is_named_with_both_shapes()
    {
        using ModelFolder folder = new ModelFolder().With("block_out_channels", "[32, 64, 128]");
        var e = Assert.Throws<TensorMismatchException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal("down_blocks.2.resnets.0.conv_shortcut.weight", e.Key);

        using ModelFolder other = new ModelFolder().WithTensors((name, shape, data) => (name == "conv_in.weight" ? [32, 1, 9] : shape, data));
        e = Assert.Throws<TensorMismatchException>(() => DiffusersImporter.Load(other.Root));
        Assert.Contains("[32, 1, 9]", e.Message, StringComparison.Ordinal);
        Assert.Contains("[32, 1, 3, 3]", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_that_does_not_fit_is_named_at_once_with_what_was_expected_found_and_the_nearest_name()
    {
        using ModelFolder folder = new ModelFolder().WithTensors((name, shape, data) =>
            name is "mid_block.resnets.1.conv2.bias" or "time_embedding.linear_1.weight" ? null : (name == "conv_in.weight" ? [32, 1, 9] : shape, data),
            ("mid_block.resnets.1.conv2.bais", [64], new float[64]), ("unrelated", [2, 3], new float[6]));
        var e = Assert.Throws<TensorMismatchException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(["conv_in.weight", "mid_block.resnets.1.conv2.bias", "time_embedding.linear_1.weight", "mid_block.resnets.1.conv2.bais", "unrelated"], e.Mismatches.Select(m => m.Name));
        Assert.Contains("'mid_block.resnets.1.conv2.bias': the tensor [64] is missing; the file has 'mid_block.resnets.1.conv2.bais'.", e.Message);
        Assert.Contains("'conv_in.weight': the tensor has the shape [32, 1, 9]; config.json asks for [32, 1, 3, 3].", e.Message);
        Assert.Contains("'unrelated': the tensor [2, 3] has no place in the network.", e.Message);
    }

    [Fact]
    public void Tensors_of_another_type_are_named_with_all_that_does_not_fit()
    {
        using var folder = new ModelFolder();
        var writer = new SafetensorsWriter();
        using (SafetensorsFile file = SafetensorsFile.Open(ModelFolder.Source + "/diffusion_pytorch_model.safetensors"))
        {
            foreach (var (name, entry) in file.Entries)
            {
                if (name is "conv_out.bias" or "time_embedding.linear_2.bias") writer.Add(name, new long[entry.Shape[0]], entry.Shape);
                else if (name == "conv_in.bias") writer.Add(name, new long[31], 31);
                else if (name != "conv_norm_out.bias") writer.Add(name, file.ReadFloats(name), entry.Shape);
            }
        }

        writer.Write(folder.Weights);
        var e = Assert.Throws<TensorMismatchException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(["conv_in.bias", "conv_norm_out.bias", "conv_out.bias", "time_embedding.linear_2.bias"], e.Mismatches.Select(m => m.Name).Order(StringComparer.Ordinal));
        Assert.Contains("'conv_out.bias': the tensor has the shape [1] and elements of the type I64; config.json asks for [1] of F32, F16, BF16 or F64.", e.Message);
        Assert.Contains("'conv_in.bias': the tensor has the shape [31] and elements of the type I64; config.json asks for [32] of F32", e.Message);
    }

    [Fact]
    public void A_file_that_was_written_to_since_is_not_read()
    {
        using var folder = new ModelFolder();
        ImportedModel model = DiffusersImporter.Load(folder.Root);
        File.SetLastWriteTimeUtc(folder.Weights, new(2020, 1, 1));
        Assert.Contains("was written to", Assert.Throws<Formats.SafetensorsException>(() => model.Weights["conv_in.bias"]).Message);
    }

    [Theory]
    [InlineData("center_input_sample", "true")]
    [InlineData("act_fn", "\"mish\"")]
    [InlineData("mid_block_scale_factor", "1.5")]
    public void Properties_that_change_the_arithmetic_change_the_network(string key, string value)
    {
        using ModelFolder folder = new ModelFolder().With(key, value);
        Assert.NotEqual(DiffusersImporter.Load(ModelFolder.Source).Network, DiffusersImporter.Load(folder.Root).Network);
    }

    [Fact]
    public void A_tensor_without_a_place_is_named()
    {
        using ModelFolder folder = new ModelFolder().WithTensors((_, shape, data) => (shape, data), ("mid_block.extra", [1], [1f]));
        Assert.Equal("mid_block.extra", Assert.Throws<TensorMismatchException>(() => DiffusersImporter.Load(folder.Root)).Key);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void Weights_that_are_not_finite_are_named(float value)
    {
        using ModelFolder folder = new ModelFolder().WithTensors((name, shape, data) =>
        {
            if (name == "conv_in.bias") data[3] = value;
            return (shape, data);
        });
        var e = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal("conv_in.bias", e.Key);
        Assert.Contains("element 3", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Truncated_weights_are_refused()
    {
        using var folder = new ModelFolder();
        using (FileStream stream = File.OpenWrite(folder.Weights)) stream.SetLength(stream.Length - 1);
        Assert.Equal(folder.Weights, Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root)).File);
    }

    [Fact]
    public void A_null_label_must_be_a_class() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => DiffusersImporter.Load(ModelFolder.Source, nullLabel: 11));
}
