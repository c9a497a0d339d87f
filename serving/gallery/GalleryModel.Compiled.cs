using Specializer.Calibration;

namespace Specializer.Gallery;

internal sealed partial class GalleryModel
{
    /// <summary>The digits, by the sampler that the build compiled.</summary>
    public static GalleryModel Load(GallerySettings settings)
    {
        var device = new CpuDevice();
        MnistSampler quantized = MnistSampler.Load(device);
        if (!settings.Reference) return new(device, quantized, null);
        SamplerDescription d = quantized.Description;
        ImportedModel model = DiffusersImporter.Load(Path.Combine(AppContext.BaseDirectory, "models", "mnist"), nullLabel: d.NullLabel);
        return new(device, quantized, InterpretedSampler.Float32(model, d.Steps.Count, eta: 1, device: device, guidance: d.Guidance));
    }
}
