using Specializer.Calibration;
using Specializer.Formats;

namespace Specializer.Gallery;

/// <summary>A drawing after one step, as pages get it.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps of a whole drawing.</param>
/// <param name="Timestep">Timestep of the step.</param>
/// <param name="Bits">Bits of the quantized step's activations.</param>
/// <param name="Quantized">PNG.</param>
/// <param name="QuantizedMs">Milliseconds that the step took.</param>
/// <param name="Float32">PNG of the FP32 network's state; null without one.</param>
/// <param name="Float32Ms">Milliseconds that its step took.</param>
/// <param name="SnrDb">Signal-to-noise ratio of the quantized state to FP32's, dB; null without one, and while the two are equal.</param>
internal sealed record Frame(int Step, int Steps, float Timestep, int Bits, byte[] Quantized, double QuantizedMs, byte[]? Float32, double? Float32Ms, double? SnrDb)
{
    /// <summary>A picture of [−1, 1] as PNG, with texts that travel in the file.</summary>
    public static byte[] Png(ImageBatch images, params KeyValuePair<string, string>[] texts)
    {
        ReadOnlySpan<float> source = images[0];
        var pixels = new byte[source.Length];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = ImageGrid.ToByte(source[i]);
        return PngWriter.Encode(pixels, images.Height, images.Width, images.Channels, texts);
    }

    /// <summary>10·log₁₀(Σ reference² / Σ (reference − other)²); null where there is no difference.</summary>
    public static double? Snr(ImageBatch reference, ImageBatch other)
    {
        double snr = new PairedImages(reference[0], other[0], reference[0].Length).SnrDb(0);
        return double.IsFinite(snr) ? snr : null;
    }
}
