using Specializer.Calibration.Conversion;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Single files of Stable Diffusion and latent diffusion become the folders that they were made from.</summary>
public class CheckpointConverterTests
{
    private const string Clip = """{"architectures": ["CLIPTextModel"], "eos_token_id": 2, "hidden_act": "quick_gelu", "hidden_size": 64, "intermediate_size": 96, "max_position_embeddings": 5, "model_type": "clip_text_model", "num_attention_heads": 1, "num_hidden_layers": 2, "vocab_size": 11}""";

    private static readonly PipelineRecipe[] s_recipes =
    [
        new("sd1", "StableDiffusionPipeline", [Autoencoder("AutoencoderKL", "vae"), new("text_encoder", Clip), UNet(4, 64, "\"attention_head_dim\": 8")], PipelineRecipe.Noise("PNDMScheduler", "epsilon")),
        new("sd2", "StableDiffusionPipeline",
            [Autoencoder("AutoencoderKL", "vae"), new("text_encoder", Clip.Replace("quick_gelu", "gelu", StringComparison.Ordinal)), UNet(4, 64, "\"attention_head_dim\": [1, 1], \"use_linear_projection\": true")],
            PipelineRecipe.Noise("DDIMScheduler", "v_prediction")),
        new("ldm", "LDMPipeline",
            [Autoencoder("VQModel", "vqvae"), UNet(3, 24, "\"attention_head_dim\": 1"), new("class_embedder", """{"_class_name": "ClassEmbedder", "embed_dim": 24, "n_classes": 6, "null_label": 5}""")],
            PipelineRecipe.LatentDiffusionNoise),
        // Heads of 16 of 64 channels.
        new("unconditional", "LDMPipeline",
            [
                Autoencoder("VQModel", "vqvae"),
                new("unet", """{"_class_name": "UNet2DModel", "attention_head_dim": 16, "block_out_channels": [32, 64], "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "in_channels": 3, "layers_per_block": 1, "out_channels": 3, "sample_size": 8, "up_block_types": ["AttnUpBlock2D", "UpBlock2D"]}"""),
            ],
            PipelineRecipe.LatentDiffusionNoise),
        new("sdxl", "StableDiffusionXLPipeline",
            [
                Autoencoder("AutoencoderKL", "vae"), new("text_encoder", Clip),
                new("text_encoder_2", Clip.Replace("quick_gelu", "gelu", StringComparison.Ordinal).Replace("CLIPTextModel", "CLIPTextModelWithProjection", StringComparison.Ordinal).Replace("\"vocab_size\"", "\"projection_dim\": 32, \"vocab_size\"", StringComparison.Ordinal)),
                UNet(4, 128, "\"attention_head_dim\": [1, 1], \"use_linear_projection\": true, \"addition_embed_type\": \"text_time\", \"addition_time_embed_dim\": 8, \"projection_class_embeddings_input_dim\": 80, \"transformer_layers_per_block\": [3, 2]"),
            ], PipelineRecipe.XlNoise("epsilon")),
    ];

    [Theory]
    [InlineData("sd1")]
    [InlineData("sd2")]
    [InlineData("ldm")]
    [InlineData("unconditional")]
    [InlineData("sdxl")]
    public void A_file_becomes_the_folder_that_it_was_made_from(string name)
    {
        using var folder = new TemporaryFolder();
        PipelineRecipe recipe = Make(folder, name, n => n);

        ConversionResult result = CheckpointConverter.Convert(folder.File("one.safetensors"), folder.File("made"), new() { Prediction = name == "sd2" ? "v_prediction" : null, HeadChannels = HeadChannels(name) });

        Assert.Equal(recipe.Class, result.Pipeline);
        foreach (RecipeComponent component in recipe.Components)
        {
            string file = $"{component.Folder}/{component.WeightsFile}";
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder.File("origin"), file)), File.ReadAllBytes(Path.Combine(folder.File("made"), file)));
        }

        Assert.Equal(File.ReadAllText(Path.Combine(folder.File("origin"), "model_index.json")), File.ReadAllText(Path.Combine(folder.File("made"), "model_index.json")));
        Assert.Equal(File.ReadAllText(Path.Combine(folder.File("origin"), "scheduler/scheduler_config.json")), File.ReadAllText(Path.Combine(folder.File("made"), "scheduler/scheduler_config.json")));
        // Sizes stand in no tensor: the network's own is taken.
        SetSize(Path.Combine(folder.File("made"), "unet", "config.json"));
        ImportedModel before = DiffusersImporter.Load(folder.File("origin"), tokens: 5), after = DiffusersImporter.Load(folder.File("made"), tokens: 5);
        Assert.Equal(before.Network, after.Network);
        Assert.Contains(result.Notes, n => n.Contains("betas", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("sd1")]
    [InlineData("ldm")]
    [InlineData("sdxl")]
    public void Its_network_is_read_from_the_file_itself(string name)
    {
        using var folder = new TemporaryFolder();
        Make(folder, name, n => n);
        ImportedModel before = DiffusersImporter.Load(folder.File("origin"), tokens: 5), single = DiffusersImporter.Load(folder.File("one.safetensors"), tokens: 5);
        Assert.Equal(before.Weights.ToDictionary(), single.Weights.ToDictionary());
        Assert.Equal(name == "sdxl" ? 128 : 64, single.Height);
        Assert.Equal(single.Height, single.Width);
        Assert.NotNull(single.Pipeline!.Decoder);
    }

    /// <summary>Names and extents of the published models alone: four levels of two layers, and one more on the way up.</summary>
    [Theory]
    [InlineData("sd15", "vae", 4, 686 + 248 + 196)]
    [InlineData("ldm-cin256-v2", "vqvae", 3, 688 + 205 + 1)]
    public void Each_tensor_of_a_published_model_has_its_place(string model, string autoencoder, int levels, int count)
    {
        PipelineRecipe recipe = PipelineRecipe.All.Single(r => r.Name == model);
        Dictionary<(string Folder, string Name), string> expected = [];
        Dictionary<string, long[]> shapes = [];
        foreach (RecipeComponent component in recipe.Components)
        {
            IReadOnlyDictionary<string, int[]> tensors = component.Tensors();
            foreach (var (name, shape) in tensors)
            {
                string key = component.Folder == "unet" ? $"model.diffusion_model.{CompVisFile.UNet(name, 2, tensors.Keys)}" : component.Folder == autoencoder ? $"first_stage_model.{CompVisFile.Autoencoder(name, levels)}"
                    : component.Folder == "text_encoder" ? $"cond_stage_model.transformer.{name}" : $"cond_stage_model.{name}";
                expected.Add((component.Folder, name), key);
                shapes.Add(key, Array.ConvertAll(shape, e => (long)e));
            }
        }

        // As the published files have them.
        Assert.Equal(count, shapes.Count);
        Assert.Superset(new HashSet<string>
        {
            "model.diffusion_model.input_blocks.3.0.op.weight", "model.diffusion_model.input_blocks.9.0.op.bias", "model.diffusion_model.input_blocks.11.0.out_layers.3.weight",
            "model.diffusion_model.input_blocks.5.1.transformer_blocks.0.attn2.to_k.weight", $"model.diffusion_model.output_blocks.2.{(model == "sd15" ? 1 : 2)}.conv.weight",
            "model.diffusion_model.output_blocks.8.2.conv.bias", "model.diffusion_model.output_blocks.11.0.skip_connection.weight", "model.diffusion_model.middle_block.2.in_layers.2.weight",
            $"first_stage_model.decoder.up.{levels - 1}.upsample.conv.weight", "first_stage_model.decoder.up.0.block.2.conv1.weight", "first_stage_model.encoder.down.0.downsample.conv.bias", "first_stage_model.decoder.mid.attn_1.proj_out.weight",
        }, shapes.Keys.ToHashSet());
        SingleFileCheckpoint checkpoint = SingleFileCheckpoint.Read("file", shapes, new(), _ => 0);
        Assert.Equal(expected, checkpoint.Tensors.SelectMany(c => c.Value.Select(t => KeyValuePair.Create((c.Key, t.Key), t.Value.Key))).ToDictionary());
        Assert.Equal(recipe.Components.Select(c => c.Folder).Order(), checkpoint.Recipe.Components.Select(c => c.Folder).Order());
        RecipeComponent before = recipe.Components.Single(c => c.Folder == "unet"), after = checkpoint.Recipe.Components.Single(c => c.Folder == "unet");
        Assert.Equal(UNetImporter.Import(UNetConfiguration.Read(before.Reader), SourceTensors.None()).Network, UNetImporter.Import(UNetConfiguration.Read(after.Reader), SourceTensors.None()).Network);
    }

    [Fact]
    public void A_label_is_one_token_of_context()
    {
        using var folder = new TemporaryFolder();
        Make(folder, "ldm", n => n);
        ImportedModel model = PipelineImporter.Load(folder.File("origin"));
        Assert.Equal(1, model.Network.Maps.Single(m => m.Name == UNetImporter.Context).Width);
        Assert.NotNull(model.Decoder);
    }

    [Fact]
    public void Unknown_missing_and_misshapen_tensors_are_named_at_once()
    {
        using var folder = new TemporaryFolder();
        Make(folder, "sd1", n => n switch
        {
            "model.diffusion_model.out.2.bias" => null,
            "model.diffusion_model.time_embed.0.bias" => "model.diffusion_model.time_embed.0.bais",
            _ => n,
        });
        var e = Assert.Throws<TensorMismatchException>(() => CheckpointConverter.Convert(folder.File("one.safetensors"), folder.File("made")));
        Assert.Equal(["model.diffusion_model.time_embed.0.bais", "unet: conv_out.bias", "unet: time_embedding.linear_1.bias"], e.Mismatches.Select(m => m.Name).Order());
        Assert.False(Directory.Exists(folder.File("made")));
    }

    [Theory]
    [InlineData("sd2", "--prediction")]
    [InlineData("unconditional", "--head-channels")]
    public void What_no_tensor_shows_is_asked_for(string name, string option)
    {
        using var folder = new TemporaryFolder();
        Make(folder, name, n => n);
        Assert.Contains(option, Assert.Throws<UnsupportedModelException>(() => CheckpointConverter.Convert(folder.File("one.safetensors"), folder.File("made"))).Message);
    }

    [Fact]
    public void Heads_must_divide_the_channels()
    {
        using var folder = new TemporaryFolder();
        Make(folder, "unconditional", n => n);
        var e = Assert.Throws<UnsupportedModelException>(() => CheckpointConverter.Convert(folder.File("one.safetensors"), folder.File("made"), new() { HeadChannels = 24 }));
        Assert.Equal(("attention_head_dim", "24"), (e.Key, e.Value));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConversionOptions { HeadChannels = 0 });
    }

    [Fact]
    public void A_refiner_is_refused_by_its_text_encoder()
    {
        using var folder = new TemporaryFolder();
        Make(folder, "sdxl", n => n.StartsWith("conditioner.embedders.0.", StringComparison.Ordinal) ? null : n.Replace("embedders.1", "embedders.0", StringComparison.Ordinal));
        var e = Assert.Throws<UnsupportedModelException>(() => CheckpointConverter.Convert(folder.File("one.safetensors"), folder.File("made")));
        Assert.Contains("refiner", e.Message);
    }

    [Fact]
    public void Another_layout_is_refused_by_its_first_tensor()
    {
        using var folder = new TemporaryFolder();
        var e = Assert.Throws<UnsupportedModelException>(() => CheckpointConverter.Convert(Path.Combine(ModelFolder.Source, "diffusion_pytorch_model.safetensors"), folder.File("made")));
        Assert.Equal("class_embedding.weight", e.Key);
    }

    private static PipelineRecipe Make(TemporaryFolder folder, string name, Func<string, string?> change)
    {
        PipelineRecipe recipe = s_recipes.Single(r => r.Name == name);
        Synthesizer.Write(recipe, folder.File("origin"), 3);
        CompVisFile.Write(folder.File("origin"), layers: 1, levels: 2, openClip: name == "sd2", HeadChannels(name), change, folder.File("one.safetensors"));
        return recipe;
    }

    private static int? HeadChannels(string name) => name == "unconditional" ? 16 : null;

    private static void SetSize(string config) =>
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"sample_size\":96", "\"sample_size\":8", StringComparison.Ordinal).Replace("\"sample_size\":64", "\"sample_size\":8", StringComparison.Ordinal).Replace("\"sample_size\":128", "\"sample_size\":8", StringComparison.Ordinal));

    private static RecipeComponent Autoencoder(string type, string folder) => new(folder,
        $$"""{"_class_name": "{{type}}", "block_out_channels": [32, 64], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "latent_channels": {{(type == "VQModel" ? "3, \"num_vq_embeddings\": 9" : "4")}}, "layers_per_block": 1, "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}""");

    private static RecipeComponent UNet(int channels, int context, string more) => new("unet",
        $$"""{"_class_name": "UNet2DConditionModel", "in_channels": {{channels}}, "out_channels": {{channels}}, "block_out_channels": [32, 64], "cross_attention_dim": {{context}}, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "layers_per_block": 1, "sample_size": 8, "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], {{more}}}""");
}
