using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Gallery;

/// <summary>What a page asks for.</summary>
/// <param name="Prompt">What to draw: for the digits a number or its English name.</param>
/// <param name="Seed">Seed of the noise.</param>
/// <param name="Guidance">Classifier-free guidance, in the calibrated interval; null for the compiled-in scale.</param>
internal sealed record DrawingRequest(string? Prompt, ulong Seed, float? Guidance);

/// <summary>The model on show: its quantized sampler and, where wanted, the FP32 network it came from. One place to put another model, or prompts instead of labels.</summary>
internal sealed class GalleryModel : IDisposable
{
    private static readonly string[] s_names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    private readonly CpuDevice _device;

    private GalleryModel(CpuDevice device, Sampler quantized, Sampler? float32) => (_device, Quantized, Float32) = (device, quantized, float32);

    public Sampler Quantized { get; }

    public Sampler? Float32 { get; }

    public SamplerDescription Description => Quantized.Description;

    /// <summary>Prompts that the page offers.</summary>
    public IReadOnlyList<string> Examples { get; } = [.. Enumerable.Range(0, s_names.Length).Select(i => i.ToString(CultureInfo.InvariantCulture))];

    public static GalleryModel Load(GallerySettings settings)
    {
        var device = new CpuDevice();
        MnistSampler quantized = MnistSampler.Load(device);
        if (!settings.Reference) return new(device, quantized, null);
        SamplerDescription d = quantized.Description;
        ImportedModel model = DiffusersImporter.Load(Path.Combine(AppContext.BaseDirectory, "models", "mnist"), nullLabel: d.NullLabel);
        return new(device, quantized, InterpretedSampler.Float32(model, d.Steps.Count, eta: 1, device: device, guidance: d.Guidance));
    }

    /// <summary>What the samplers are to draw.</summary>
    /// <exception cref="ArgumentException">The model cannot draw it; the message is for the page's user.</exception>
    public SampleOptions Read(DrawingRequest request)
    {
        SamplerDescription d = Description;
        if (request.Guidance is { } guidance && !(guidance >= d.GuidanceMinimum && guidance <= d.GuidanceMaximum))
            throw new ArgumentException(FormattableString.Invariant($"Guidance must lie between {d.GuidanceMinimum} and {d.GuidanceMaximum}, which the model is calibrated for."));
        return new() { Seed = request.Seed, Guidance = request.Guidance, Labels = [Label(request.Prompt ?? "")] };
    }

    public void Dispose()
    {
        Quantized.Dispose();
        Float32?.Dispose();
        _device.Dispose();
    }

    private static int Label(string prompt)
    {
        prompt = prompt.Trim();
        int named = Array.FindIndex(s_names, n => n.Equals(prompt, StringComparison.OrdinalIgnoreCase));
        if (named >= 0) return named;
        return prompt is [>= '0' and <= '9'] ? prompt[0] - '0' : throw new ArgumentException("This model draws digits: ask for one of 0 to 9, or its name, as in \u201cseven\u201d.");
    }
}
