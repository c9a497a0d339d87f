using System.Text.Json.Nodes;
using Specializer.Calibration.Conversion;
using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Stable Diffusion XL's two text encoders, read as one network, and what its network is given of them.</summary>
public sealed class TextEncoderPairTests : IDisposable
{
    private const int Tokens = 12, First = 24, Second = 40, End = 599;

    private readonly TemporaryFolder _folder = new();

    public TextEncoderPairTests()
    {
        PipelineRecipe recipe = PipelineRecipe.All.Single(r => r.Name == "small-sdxl");
        RecipeComponent[] components = [.. recipe.Components.Select(c => c with { Configuration = c.Configuration.Replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", StringComparison.Ordinal) })];
        Synthesizer.Write(recipe with { Components = components }, Model, 3);
    }

    private string Model => _folder.File("model");

    /// <summary>Each encoder by itself, up to its last layer or so many before it, and the projection of the second one's state at the end token, of all layers.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Contexts_are_those_of_each_text_encoder(int clipSkip)
    {
        PromptEncoder text = PipelineImporter.Load(Model, clipSkip: clipSkip).Text!;
        using var device = new CpuDevice(1);
        PromptContexts contexts = text.Encode(["ab c"], "", device);
        int filling = JsonNode.Parse(File.ReadAllText(_folder.File("model/tokenizer_2/vocab.json")))!["!"]!.GetValue<int>();
        int[] ids = text.Ids("ab c"), second = [.. ids.Take(Array.IndexOf(ids, End) + 1), .. Enumerable.Repeat(filling, Tokens).Take(Tokens - Array.IndexOf(ids, End) - 1)];
        Assert.All(text.Network.StoredNetwork.Operations.OfType<Manifest.ConvolutionOperation>(), c => Assert.Equal(16, c.WeightBits));
        Assert.Equal(Tokens, second.Length);

        Assert.Equal(Alone("text_encoder", ids, 1 + clipSkip, norm: false), contexts.Of("encoder_hidden_states", [0]));
        Assert.Equal(Alone("text_encoder_2", second, 1 + clipSkip, norm: false), contexts.Of("encoder_hidden_states_2", [0]));
        float[] last = Alone("text_encoder_2", second, skip: 0, norm: true);
        Assert.Equal(Summary(last[(Array.IndexOf(ids, End) * Second)..][..Second]), contexts.Of("text_embeds", [0]));
        Assert.Equal(Tokens * First, contexts.Of("encoder_hidden_states", [0]).Length);
    }

    /// <summary>No text is zeros, unless the pipeline says otherwise; the empty text is a text.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void No_text_is_zeros_where_the_pipeline_says_so(bool zeros)
    {
        string index = _folder.File("model/model_index.json");
        File.WriteAllText(index, File.ReadAllText(index).Replace("{", $"{{\"force_zeros_for_empty_prompt\": {(zeros ? "true" : "false")},", StringComparison.Ordinal));
        PromptEncoder text = PipelineImporter.Load(Model).Text!;
        using var device = new CpuDevice(1);
        PromptContexts contexts = text.Encode(["ab", ""], null, device);
        foreach (string input in contexts.Inputs)
        {
            float[] none = contexts.Of(input, [contexts.None.First]), empty = contexts.Of(input, [1]);
            Assert.NotEqual(empty, contexts.Of(input, [0]));
            Assert.Contains(empty, v => v != 0);
            Assert.Equal(zeros ? new float[none.Length] : empty, none);
        }
    }

    /// <summary>With the tokens' channels in two inputs, and the sizes' sinusoids in a bias, the network gives what the library gave.</summary>
    [SharedFact("golden/small-sdxl")]
    public void Sizes_that_are_compiled_in_give_the_stored_output()
    {
        string folder = SharedData.Golden("small-sdxl");
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        using ModelWeights weights = ModelWeights.Open(folder, null, []);
        long[] context = golden.Entries["in.encoder_hidden_states"].Shape;
        int tokens = (int)context[1], summary = (int)golden.Entries["in.text_embeds"].Shape[1], images = (int)context[0];
        float[] sizes = golden.ReadFloats("in.time_ids"), states = golden.ReadFloats("in.encoder_hidden_states"), embeds = golden.ReadFloats("in.text_embeds"), t = [.. golden.ReadIntegers("in.t").Select(v => (float)v)];
        float[] x = GoldenFile.ToChannelsLast(golden.ReadFloats("in.x"), 64, 4), expected = GoldenFile.ToChannelsLast(golden.ReadFloats("out.eps"), 64, 4);
        UNetConfiguration read = UNetConfiguration.Read(ConfigurationReader.Open(Path.Combine(folder, "config.json")), tokens);
        using var device = new CpuDevice(1);
        for (int image = 0; image < images; image++)
        {
            UNetConfiguration known = read with { Cross = read.Cross! with { SecondChannels = Second }, Added = read.Added! with { Known = TimeEmbedding.AddedSinusoids(read, sizes.AsSpan(6 * image, 6)) } };
            var (network, tensors, time) = UNetImporter.Import(known, weights.Tensors);
            Assert.Equal(["encoder_hidden_states", "encoder_hidden_states_2", "text_embeds"], network.Inputs);
            var model = new ImportedModel(network, tensors, time, new(ConfigurationReader.Open(Path.Combine(folder, "scheduler_config.json")))) { Name = "xl", Architecture = "UNet2DConditionModel", Sha256 = "", Parameters = 0 };
            using IReferenceNetwork engine = new InterpreterEngine(device).Create(model, [t[image % t.Length]], 1);
            float[][] rows = [.. states.AsSpan(image * tokens * 64, tokens * 64).ToArray().Chunk(64)];
            engine.Give("encoder_hidden_states", rows.SelectMany(r => r[..First]).ToArray());
            engine.Give("encoder_hidden_states_2", rows.SelectMany(r => r[First..]).ToArray());
            engine.Give("text_embeds", embeds.AsSpan(image * summary, summary));
            var epsilon = new float[256];
            engine.Evaluate(0, x.AsSpan(256 * image, 256), [], epsilon, null, default);
            Assert.InRange(expected.Skip(256 * image).Zip(epsilon, (a, b) => Math.Abs(a - b)).Max(), 0, 2e-5);
        }
    }

    [Theory]
    [InlineData("tokenizer_2/tokenizer_config.json", "\"model_max_length\": 12", "\"model_max_length\": 11", "tokenizer_2")]
    [InlineData("text_encoder_2/config.json", "\"projection_dim\": 40", "\"projection_dim\": 24", "text_projection.weight")]
    [InlineData("text_encoder_2/config.json", "CLIPTextModelWithProjection", "CLIPTextModel", "architectures")]
    [InlineData("unet/config.json", "\"addition_time_embed_dim\": 16", "\"addition_time_embed_dim\": 8", "projection_class_embeddings_input_dim")]
    [InlineData("model_index.json", "\"CLIPTextModelWithProjection\"", "\"T5EncoderModel\"", "text_encoder_2")]
    public void Parts_that_do_not_fit_are_refused(string file, string before, string after, string key)
    {
        string path = _folder.File($"model/{file}"), text = File.ReadAllText(path);
        Assert.Contains(before, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(before, after, StringComparison.Ordinal));
        Assert.Equal(key, Assert.ThrowsAny<ModelImportException>(() => PipelineImporter.Load(Model)).Key);
    }

    /// <summary>The shorter encoder decides; with all that can be left out, its embeddings remain.</summary>
    [Fact]
    public void As_many_layers_can_be_left_out_as_both_encoders_have_but_one()
    {
        Assert.DoesNotContain(PipelineImporter.Load(Model, clipSkip: 2).Text!.Network.Network.Operations, o => o.Name.StartsWith("first.text_model.encoder.", StringComparison.Ordinal));
        string second = _folder.File("model/text_encoder_2/config.json");
        Assert.Contains(_folder.File("model/text_encoder/config.json"), Assert.ThrowsAny<ArgumentException>(() => PipelineImporter.Load(Model, clipSkip: 3)).Message, StringComparison.Ordinal);
        File.WriteAllText(second, File.ReadAllText(second).Replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2", StringComparison.Ordinal));
        Assert.Contains(second, Assert.ThrowsAny<ArgumentException>(() => PipelineImporter.Load(Model, clipSkip: 2)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private float[] Alone(string part, int[] ids, int skip, bool norm)
    {
        using ModelWeights weights = PartImporter.OpenWeights(_folder.File($"model/{part}"), text: true, []);
        TextEncoderConfiguration configuration = TextEncoderConfiguration.Read(ConfigurationReader.Open(_folder.File($"model/{part}/config.json")));
        return NetworkRun.Evaluate(TextEncoderImporter.Import(configuration, weights.Tensors, Tokens, skip, norm), [.. ids.Select(id => (float)id)], 1);
    }

    private float[] Summary(float[] state)
    {
        using ModelWeights weights = PartImporter.OpenWeights(_folder.File("model/text_encoder_2"), text: true, []);
        return NetworkRun.Evaluate(TextEncoderImporter.Summary(TextEncoderConfiguration.Read(ConfigurationReader.Open(_folder.File("model/text_encoder_2/config.json"))), weights.Tensors), state, 1);
    }
}
