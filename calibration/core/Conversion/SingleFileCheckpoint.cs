using System.Text.Json.Nodes;

namespace Specializer.Calibration.Conversion;

/// <summary>A file that holds a whole pipeline in CompVis's layout, as diffusers would lay it out: configurations read off the tensors' extents, and where each tensor stands.</summary>
internal sealed partial class SingleFileCheckpoint
{
    private const string UNetPrefix = "model.diffusion_model.", AutoencoderPrefix = "first_stage_model.", ConditionPrefix = "cond_stage_model.", XlPrefix = "conditioner.embedders.";

    // Constants of the training's noise, and numbers that only training needs.
    private static readonly HashSet<string> s_unused = new(StringComparer.Ordinal)
    {
        "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod", "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod",
        "sqrt_recipm1_alphas_cumprod", "posterior_variance", "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2", "logvar", "lvlb_weights", "scale_factor",
        "model_ema.decay", "model_ema.num_updates", "cond_stage_model.transformer.text_model.embeddings.position_ids", "cond_stage_model.model.logit_scale",
        "cond_stage_model.model.text_projection", "cond_stage_model.model.attn_mask",
        "denoiser.sigmas", "conditioner.embedders.0.transformer.text_model.embeddings.position_ids", "conditioner.embedders.1.model.logit_scale", "conditioner.embedders.1.model.attn_mask",
    };

    private readonly string _file;
    private readonly IReadOnlyDictionary<string, long[]> _shapes;
    private readonly ConversionOptions _options;
    private readonly Func<string, float> _scalar;
    private readonly Dictionary<string, Dictionary<string, MappedTensor>> _tensors = new(StringComparer.Ordinal);
    private readonly List<TensorMismatch> _unknown = [];
    private readonly List<string> _notes = [];

    private SingleFileCheckpoint(string file, IReadOnlyDictionary<string, long[]> shapes, ConversionOptions options, Func<string, float> scalar)
    {
        (_file, _shapes, _options, _scalar) = (file, shapes, options, scalar);
        Recipe = Build();
    }

    /// <summary>Configurations of the pipeline.</summary>
    public PipelineRecipe Recipe { get; }

    /// <summary>By component and name.</summary>
    public IReadOnlyDictionary<string, Dictionary<string, MappedTensor>> Tensors => _tensors;

    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Whether names are of this layout.</summary>
    public static bool Recognizes(IEnumerable<string> names) => names.Any(n => n.StartsWith(UNetPrefix + "input_blocks.", StringComparison.Ordinal));

    /// <param name="file">Path, for messages.</param>
    /// <param name="shapes">Its tensors.</param>
    /// <param name="options">What it does not say.</param>
    /// <param name="scalar">Reads a tensor of one element.</param>
    /// <exception cref="TensorMismatchException">Tensors are unknown, missing, or have other extents than the others show; all are named.</exception>
    /// <exception cref="UnsupportedModelException">The layout, or what it says, is not supported, or an option is needed.</exception>
    public static SingleFileCheckpoint Read(string file, IReadOnlyDictionary<string, long[]> shapes, ConversionOptions options, Func<string, float> scalar) =>
        Recognizes(shapes.Keys) ? new(file, shapes, options, scalar)
            : throw new UnsupportedModelException(file, shapes.Keys.Order(StringComparer.Ordinal).FirstOrDefault() ?? "no tensor", "the first of its tensors",
                $"Supported: files of CompVis's latent diffusion and of Stable Diffusion 1, 2 and XL, whose tensors begin with '{UNetPrefix}input_blocks.', '{AutoencoderPrefix}' and '{ConditionPrefix}' or '{XlPrefix}'.");

    private PipelineRecipe Build()
    {
        int averaged = _shapes.Keys.Count(k => k.StartsWith("model_ema.", StringComparison.Ordinal) && !s_unused.Contains(k)), loss = _shapes.Keys.Count(k => k.StartsWith(AutoencoderPrefix + "loss.", StringComparison.Ordinal));
        if (averaged > 0) _notes.Add($"{averaged} averaged copies of weights (model_ema) are left out: the plain ones are taken.");
        if (loss > 0) _notes.Add($"{loss} tensors of the autoencoder's training loss are left out.");
        string[] unused = [.. _shapes.Keys.Where(s_unused.Contains).Order(StringComparer.Ordinal)];
        if (unused.Length > 0) _notes.Add($"Left out, as nothing uses them: {string.Join(", ", unused)}.");

        Condition condition = _shapes.Keys.FirstOrDefault(k => k.StartsWith(XlPrefix, StringComparison.Ordinal)) is { } xl ? RequirePair(xl)
            : _shapes.ContainsKey(ConditionPrefix + "embedding.weight") ? Condition.Class
            : _shapes.Keys.Any(k => k.StartsWith(ConditionPrefix + "transformer.text_model.", StringComparison.Ordinal)) ? Condition.Clip
            : _shapes.Keys.Any(k => k.StartsWith(ConditionPrefix + "model.transformer.", StringComparison.Ordinal)) ? Condition.OpenClip : Condition.None;
        var layout = new CompVisUNet(Under(UNetPrefix));
        var components = new List<RecipeComponent>();
        bool latent = _shapes.Keys.Any(k => k.StartsWith(AutoencoderPrefix, StringComparison.Ordinal));
        if (latent) components.Add(Autoencoder(condition));
        components.AddRange(TextEncoders(condition));
        components.Add(UNet(layout, condition));
        if (condition == Condition.Class) components.Add(Labels());
        foreach (string key in _shapes.Keys)
        {
            if (!key.StartsWith(UNetPrefix, StringComparison.Ordinal) && !key.StartsWith(AutoencoderPrefix, StringComparison.Ordinal) && !key.StartsWith(ConditionPrefix, StringComparison.Ordinal) && !key.StartsWith(XlPrefix, StringComparison.Ordinal)
                && !key.StartsWith("model_ema.", StringComparison.Ordinal) && !s_unused.Contains(key)) _unknown.Add(new(key, null, _shapes[key]));
        }

        RequireFit(components);
        return new(Path.GetFileNameWithoutExtension(_file), Class(condition, latent), [.. components], Scheduler(condition));
    }

    private static string Class(Condition condition, bool latent) => condition switch
    {
        Condition.Clip or Condition.OpenClip => "StableDiffusionPipeline",
        Condition.Xl => "StableDiffusionXLPipeline",
        _ => latent ? "LDMPipeline" : "DDPMPipeline",
    };

    private string Scheduler(Condition condition) => condition switch
    {
        Condition.Clip => PipelineRecipe.Noise("PNDMScheduler", _options.Prediction ?? "epsilon"),
        Condition.OpenClip => PipelineRecipe.Noise("DDIMScheduler", _options.Prediction ?? throw new UnsupportedModelException(_file, "prediction", "not in the file",
            "Files of Stable Diffusion 2 have the same tensors whether they predict ε (base models, 512×512) or v (768×768). Say which: --prediction epsilon, or --prediction v_prediction.")),
        Condition.Xl => PipelineRecipe.XlNoise(_options.Prediction ?? "epsilon"),
        _ => PipelineRecipe.LatentDiffusionNoise,
    };

    private RecipeComponent UNet(CompVisUNet layout, Condition condition)
    {
        string folder = "unet";
        foreach (var (key, shape) in layout.Shapes)
        {
            string? name = CompVisNames.UNet(key, layout.Layers);
            if (name is null) _unknown.Add(new(UNetPrefix + key, null, shape));
            else if (name.Contains(".attentions.", StringComparison.Ordinal) && condition == Condition.None) Fused(folder, name, key, shape, HeadChannels(layout));
            else Map(folder, name, UNetPrefix + key, shape);
        }

        int size = condition == Condition.Xl ? 128 : condition == Condition.OpenClip && _options.Prediction == "v_prediction" ? 96 : 64;
        JsonObject json = layout.Configuration(size);
        switch (condition)
        {
            case Condition.Class:
                json["attention_head_dim"] = 1;
                break;
            case Condition.Clip:
                json["attention_head_dim"] = 8;
                break;
            case Condition.OpenClip or Condition.Xl:
                json["attention_head_dim"] = new JsonArray([.. layout.Channels.Select(c => (JsonNode?)Math.Max(1, c / 64))]);
                break;
            default:
                json["attention_head_dim"] = HeadChannels(layout);
                break;
        }

        if (condition == Condition.Xl) Added(json, layout);
        return new(folder, json.ToJsonString());
    }

    // q, k and v of each head stand side by side in one tensor.
    private void Fused(string folder, string name, string key, long[] shape, int head)
    {
        string module = name[..name.LastIndexOf('.')], block = module[..module.LastIndexOf('.')], last = name[(name.LastIndexOf('.') + 1)..];
        switch (module[(block.Length + 1)..])
        {
            case "norm":
                Map(folder, $"{block}.group_norm.{last}", UNetPrefix + key, shape);
                break;
            case "proj_out":
                Map(folder, $"{block}.to_out.0.{last}", UNetPrefix + key, Squeezed(shape));
                break;
            case "qkv":
                long channels = shape[0] / 3;
                for (int part = 0; part < 3; part++)
                {
                    Own(folder)[$"{block}.to_{"qkv"[part]}.{last}"] = new(UNetPrefix + key, [channels, .. Squeezed(shape)[1..]],
                        [.. Enumerable.Range(0, (int)Math.Max(1, channels / head)).Select(h => ((3L * h + part) * head, Math.Min(head, channels)))]);
                }

                break;
            default:
                _unknown.Add(new(UNetPrefix + key, null, shape));
                break;
        }
    }

    private int HeadChannels(CompVisUNet layout) => !layout.HasAttention ? 32 : _options.HeadChannels ?? throw new UnsupportedModelException(_file, "attention heads", "not in the file",
        "The number of heads of an unconditional latent diffusion model stands in none of its tensors. Say how many channels each has: --head-channels 32 for CompVis's CelebA-HQ, FFHQ and bedrooms.");

    private RecipeComponent Autoencoder(Condition condition)
    {
        Dictionary<string, long[]> shapes = Under(AutoencoderPrefix);
        var layout = new CompVisAutoencoder(shapes);
        string folder = layout.Codes > 0 ? "vqvae" : "vae";
        foreach (var (key, shape) in shapes.Where(s => !s.Key.StartsWith("loss.", StringComparison.Ordinal)))
        {
            string? name = CompVisNames.Autoencoder(key, layout.Levels);
            if (name is null) _unknown.Add(new(AutoencoderPrefix + key, null, shape));
            else Map(folder, name, AutoencoderPrefix + key, name.Contains(".attentions.", StringComparison.Ordinal) ? Squeezed(shape) : shape);
        }

        double factor = _shapes.TryGetValue("scale_factor", out long[]? stored) && stored.All(e => e == 1) ? _scalar("scale_factor") : condition switch
        {
            Condition.Clip or Condition.OpenClip => 0.18215,
            Condition.Xl => 0.13025,
            _ => 1,
        };
        return new(folder, layout.Configuration(factor).ToJsonString());
    }

    private RecipeComponent Labels()
    {
        long[] shape = _shapes[ConditionPrefix + "embedding.weight"];
        Map("class_embedder", "embedding.weight", ConditionPrefix + "embedding.weight", shape);
        _notes.Add($"The label table has {shape[0]} rows, of which the last means \"none\": null label {shape[0] - 1}.");
        return new("class_embedder", new JsonObject { ["_class_name"] = "ClassEmbedder", ["embed_dim"] = shape[1], ["n_classes"] = shape[0], ["null_label"] = shape[0] - 1 }.ToJsonString());
    }

    /// <summary>Each component's importer asks for exactly what was mapped.</summary>
    private void RequireFit(List<RecipeComponent> components)
    {
        var mismatches = new List<TensorMismatch>();
        foreach (RecipeComponent component in components)
        {
            Dictionary<string, MappedTensor> mapped = _tensors.TryGetValue(component.Folder, out var own) ? own : [];
            IReadOnlyDictionary<string, int[]> asked = component.Tensors();
            foreach (var (name, expected) in asked)
            {
                if (!mapped.TryGetValue(name, out MappedTensor? tensor)) mismatches.Add(new($"{component.Folder}: {name}", expected, null));
                else if (!tensor.Shape.SequenceEqual(expected.Select(e => (long)e))) mismatches.Add(new($"{component.Folder}: {name}, here {tensor.Key}", expected, tensor.Shape));
            }

            _unknown.AddRange(mapped.Where(m => !asked.ContainsKey(m.Key)).Select(m => new TensorMismatch(m.Value.Key, null, _shapes[m.Value.Key])));
        }

        if (mismatches.Count + _unknown.Count > 0) throw new TensorMismatchException(_file, [.. mismatches, .. _unknown.OrderBy(u => u.Name, StringComparer.Ordinal)], "the layout that the file's other tensors show");
    }

    private void Map(string component, string name, string key, long[] shape) => Own(component)[name] = new(key, shape);

    private Dictionary<string, MappedTensor> Own(string component)
    {
        if (!_tensors.TryGetValue(component, out Dictionary<string, MappedTensor>? tensors)) _tensors[component] = tensors = new(StringComparer.Ordinal);
        return tensors;
    }

    private Dictionary<string, long[]> Under(string prefix) =>
        _shapes.Where(s => s.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(s => s.Key[prefix.Length..], s => s.Value, StringComparer.Ordinal);

    // Linear layers are stored as convolutions there.
    private static long[] Squeezed(long[] shape)
    {
        int length = shape.Length;
        while (length > 2 && shape[length - 1] == 1) length--;
        return shape[..length];
    }

    private enum Condition
    {
        None,
        Class,
        Clip,
        OpenClip,
        Xl,
    }
}
