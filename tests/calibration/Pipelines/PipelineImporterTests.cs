using Specializer.Calibration.Conversion;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>A pipeline's parts are read together, and must belong together.</summary>
public class PipelineImporterTests
{
    [Theory]
    [InlineData("tokenizer", "no prompt can be read")]
    [InlineData("vae", "do not become pictures")]
    [InlineData("text_encoder", "config.json")]
    public void A_missing_part_is_named(string folder, string why)
    {
        using var pipeline = new TinyPipeline();
        Directory.Delete(pipeline.File(folder), recursive: true);
        var e = Assert.Throws<ModelImportException>(() => PipelineImporter.Load(pipeline.Root));
        Assert.StartsWith(pipeline.File(folder), e.File, StringComparison.Ordinal);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer/tokenizer_config.json", "\"model_max_length\": 8", "\"model_max_length\": 9", "max_position_embeddings")]
    [InlineData("vae/config.json", "\"latent_channels\": 4", "\"latent_channels\": 8", "latent_channels")]
    [InlineData("unet/config.json", "\"cross_attention_dim\": 16", "\"cross_attention_dim\": 8", "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight")]
    [InlineData("model_index.json", "\"text_encoder\":", "\"text_encoder_2\":", "text_encoder_2")]
    [InlineData("model_index.json", "\"CLIPTextModel\"", "\"T5EncoderModel\"", "text_encoder")]
    public void Parts_that_do_not_fit_are_refused(string file, string before, string after, string key)
    {
        using var pipeline = new TinyPipeline();
        pipeline.Replace(file, before, after);
        Assert.Equal(key, Assert.ThrowsAny<ModelImportException>(() => PipelineImporter.Load(pipeline.Root)).Key);
    }

    [Fact]
    public void What_is_wrong_with_several_parts_is_told_at_once()
    {
        using var pipeline = new TinyPipeline();
        pipeline.Replace("text_encoder/config.json", "\"intermediate_size\": 32", "\"intermediate_size\": 48");
        pipeline.Replace("unet/config.json", "\"time_cond_proj_dim\": null", "\"time_cond_proj_dim\": 8");
        pipeline.Replace("vae/config.json", "\"layers_per_block\": 1", "\"layers_per_block\": 2");
        string[] names = ["text_model.encoder.layers.0.mlp.fc1.weight", "time_embedding.cond_proj.weight", "decoder.up_blocks.0.resnets.2.norm1.weight", "encoder.down_blocks.0.resnets.1.norm1.weight"];
        var e = Assert.Throws<ModelImportException>(() => PipelineImporter.Load(pipeline.Root, encoder: true));
        Assert.All(names, name => Assert.Contains($"'{name}'", e.Message, StringComparison.Ordinal));
        Assert.Equal(names, Assert.IsType<AggregateException>(e.InnerException).InnerExceptions.Cast<TensorMismatchException>().Select(m => m.Mismatches[0].Name));
        Assert.Equal(pipeline.File("text_encoder/model.safetensors"), e.File);

        // As whoever looks at the folder is told.
        Assert.Contains("3 parts", Assert.Throws<ModelImportException>(() => ModelInspection.Of(pipeline.Root)).Message, StringComparison.Ordinal);
        pipeline.Replace("unet/config.json", "\"time_cond_proj_dim\": 8", "\"time_cond_proj_dim\": null");
        IReadOnlyList<string> notes = ModelInspection.Of(pipeline.Root).Notes;
        foreach (string name in (string[])[names[0], names[2]]) Assert.Contains(notes, n => n.Contains(name, StringComparison.Ordinal));
        pipeline.Replace("unet/config.json", "\"norm_num_groups\"", "\"act_fn\": \"selu\", \"norm_num_groups\"");
        ModelInspection refused = ModelInspection.Of(pipeline.Root);
        Assert.Equal("act_fn", Assert.Single(refused.Refused).Key);
        Assert.Equal(2, refused.Notes.Count);
    }

    [Fact]
    public void What_is_wrong_with_both_text_encoders_is_told_at_once()
    {
        using var folder = new TemporaryFolder();
        Synthesizer.Write("small-sdxl", folder.File("model"), 3);
        foreach (string part in (string[])["text_encoder", "text_encoder_2"])
        {
            string file = folder.File($"model/{part}/config.json"), text = File.ReadAllText(file);
            File.WriteAllText(file, System.Text.RegularExpressions.Regex.Replace(text, "\"intermediate_size\": ?\\d+", "\"intermediate_size\": 24"));
        }

        var e = Assert.Throws<ModelImportException>(() => PipelineImporter.Load(folder.File("model")));
        Assert.Equal(["text_encoder", "text_encoder_2"], ((AggregateException)e.InnerException!).InnerExceptions.Cast<TensorMismatchException>().Select(m => Path.GetFileName(Path.GetDirectoryName(m.File))));
    }

    /// <summary>A network is read without the other parts of its pipeline, with as many tokens as these would give.</summary>
    [Theory]
    [InlineData("", "", 8)]
    [InlineData("tokenizer/tokenizer_config.json", "\"model_max_length\": 8", 6)]
    [InlineData("text_encoder/config.json", "\"max_position_embeddings\": 8", 6)]
    [InlineData("tokenizer/tokenizer_config.json", "", 8)]
    [InlineData("text_encoder/config.json", "", 8)]
    public void A_network_alone_has_the_tokens_of_its_pipeline(string file, string length, int tokens)
    {
        using var pipeline = new TinyPipeline();
        if (length.Length > 0) pipeline.Replace(file, length, length.Replace('8', '6'));
        else if (file.Length > 0) File.Delete(pipeline.File(file));
        // The tokenizer's length decides.
        if (file.StartsWith("text_encoder", StringComparison.Ordinal) && length.Length > 0) File.Delete(pipeline.File("tokenizer/tokenizer_config.json"));
        Assert.Equal(tokens, Tokens(pipeline.Root));
        Assert.Equal(tokens, Tokens(pipeline.File("unet")));
        Directory.Delete(pipeline.File("tokenizer"), recursive: true);
        Directory.Delete(pipeline.File("text_encoder"), recursive: true);
        Assert.Equal(DiffusersImporter.DefaultTokens, Tokens(pipeline.Root));
        Assert.Equal(3, Tokens(pipeline.Root, 3));
    }

    /// <summary>The network can be used without them.</summary>
    [Fact]
    public void Parts_that_cannot_be_read_say_nothing_of_tokens()
    {
        using var pipeline = new TinyPipeline();
        File.WriteAllText(pipeline.File("tokenizer/tokenizer_config.json"), "{");
        Assert.Equal(8, Tokens(pipeline.Root));
        File.WriteAllText(pipeline.File("text_encoder/config.json"), "{");
        Assert.Equal(DiffusersImporter.DefaultTokens, Tokens(pipeline.Root));
    }

    [Fact]
    public void A_label_is_one_token()
    {
        using var folder = new TemporaryFolder();
        Synthesizer.Write(TinyLatentDiffusion.Recipe, folder.File("model"), 3);
        Assert.Equal(1, Tokens(folder.File("model")));
    }

    private static int Tokens(string folder, int? tokens = null) => DiffusersImporter.Load(folder, tokens: tokens).Network.Maps.Single(m => m.Name == UNetImporter.Context).Width;

    [Fact]
    public void A_damaged_tokenizer_is_named_once()
    {
        using var pipeline = new TinyPipeline();
        File.WriteAllText(pipeline.File("tokenizer/vocab.json"), "{}");
        string message = Assert.Throws<ModelImportException>(() => PipelineImporter.Load(pipeline.Root)).Message;
        Assert.Single(message.Split("vocab.json").Skip(1));
    }

    [Fact]
    public void A_network_by_itself_is_one()
    {
        ImportedModel model = PipelineImporter.Load(ModelFolder.Source);
        Assert.Null(model.Text);
        Assert.Null(model.Decoder);
        Assert.Equal(11, model.Conditions);
    }

    [Fact]
    public void Each_distinct_prompt_is_encoded_once_and_long_ones_are_cut()
    {
        using var pipeline = new TinyPipeline();
        PromptEncoder text = PipelineImporter.Load(pipeline.Root).Text!;
        using var device = new CpuDevice(1);
        string seven = "red red red red red red red", six = "red red red red red red";
        PromptContexts contexts = text.Encode(["a", "", "a", seven, six, "RED"], "", device);
        Assert.Equal((7, 6), (contexts.Count, contexts.None.First));
        Assert.Equal(contexts.Of("encoder_hidden_states", [0, 1]), contexts.Of("encoder_hidden_states", [2, 6]));
        Assert.NotEqual(contexts.Of("encoder_hidden_states", [0]), contexts.Of("encoder_hidden_states", [1]));
        Assert.Equal(contexts.Of("encoder_hidden_states", [3]), contexts.Of("encoder_hidden_states", [4]));
        Assert.Equal([seven], text.Cut(["a", seven, six, seven]));
    }
}
