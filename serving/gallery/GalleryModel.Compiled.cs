using Specializer.Calibration;

namespace Specializer.Gallery;

internal sealed partial class GalleryModel
{
    private static readonly string[] s_prompts = ["red heart", "pizza", "cat face", "rocket", "dog face", "banana", "airplane", "star", "fire", "guitar", "house", "frog"];

    /// <summary>One of the two models whose samplers the build compiled.</summary>
    public static GalleryModel Load(GallerySettings settings)
    {
        var device = new CpuDevice();
        return settings.Model == GallerySettings.Digits
            ? Show(settings, device, MnistSampler.Load(device), none => DiffusersImporter.Load(Folder("mnist"), nullLabel: none), eta: 1)
            : Show(settings, device, EmojiSampler.Load(device), _ => PipelineImporter.Load(Folder("emoji")), eta: 0, "ddim", s_prompts);
    }

    // FP32 takes the steps that the quantized sampler was calibrated for.
    private static GalleryModel Show(
        GallerySettings settings, CpuDevice device, Sampler quantized, Func<int, ImportedModel> import, double eta, string? scheduler = null, IReadOnlyList<string>? examples = null)
    {
        SamplerDescription d = quantized.Description;
        return new(device, quantized, settings.Reference ? InterpretedSampler.Float32(import(d.NullLabel), d.Steps.Count, eta, scheduler, device, d.Guidance) : null, examples);
    }

    private static string Folder(string model) => Path.Combine(AppContext.BaseDirectory, "models", model);
}
