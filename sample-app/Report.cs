using System.Diagnostics;
using System.Text.Json;
using Specializer;
using Specializer.Calibration;

namespace SampleApp;

/// <summary>The figures, for people and for programs.</summary>
/// <param name="Model">The specialized sampler.</param>
/// <param name="Device">Where it ran.</param>
/// <param name="FirstImage">From the start of the process until the first image was drawn.</param>
/// <param name="QuantizedTimes">Milliseconds of an image, batch by batch.</param>
/// <param name="ReferenceTimes">The same of the FP32 network, whose batches were drawn in turn with those.</param>
/// <param name="Fidelity">Quantized images beside those of the FP32 network.</param>
internal sealed record Report(
    SamplerDescription Model, string Device, TimeSpan FirstImage, IReadOnlyList<double> QuantizedTimes, IReadOnlyList<double> ReferenceTimes, PairedImages Fidelity)
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase, DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull };

    /// <summary>Training pictures nearest to FP32's pictures; empty where they were not asked for.</summary>
    public NearestPictures[] NearestFloat32 { get; init; } = [];

    /// <summary>The same of the quantized pictures.</summary>
    public NearestPictures[] NearestQuantized { get; init; } = [];

    private double QuantizedMs => Median(QuantizedTimes);

    private double ReferenceMs => Median(ReferenceTimes);

    // Batches drawn one after the other meet the same machine, so their ratio stays right where times do not.
    private double Speedup => Median(ReferenceTimes.Zip(QuantizedTimes, (reference, quantized) => reference / quantized));

    private double SnrDb => Fidelity.PooledSnrDb().Value;

    private double MedianSnrDb => Fidelity.MedianSnrDb().Value;

    private double PsnrDb => Fidelity.PooledPsnrDb().Value;

    private static long PeakBytes => Process.GetCurrentProcess().PeakWorkingSet64;

    public void Print(TextWriter to)
    {
        int steps = Model.Steps.Count;
        to.WriteLine();
        to.WriteLine(FormattableString.Invariant($"{Model.Name}: {Fidelity.Count} images, {steps} steps, {Device}"));
        to.WriteLine(FormattableString.Invariant($"FP32        {ReferenceMs,8:F2} ms/image  {ReferenceMs / steps,7:F3} ms/step   {Model.Float32Bytes,10:N0} bytes"));
        to.WriteLine(FormattableString.Invariant($"quantized   {QuantizedMs,8:F2} ms/image  {QuantizedMs / steps,7:F3} ms/step   {Model.WeightBytes,10:N0} bytes"));
        to.WriteLine(FormattableString.Invariant($"speed-up    {Speedup,8:F2} ×         the median ratio of {QuantizedTimes.Count} batches, drawn in turn; times are medians, too"));
        to.WriteLine(FormattableString.Invariant($"bit operations saved {Model.BitOperationsSaved:F1} × (Σ MACs·32·32 / Σ MACs·n_w·n_a)"));
        to.WriteLine(FormattableString.Invariant($"against FP32, same noise: SNR {SnrDb:F1} dB (median over images {MedianSnrDb:F1}), PSNR {PsnrDb:F1} dB"));
        to.WriteLine(FormattableString.Invariant($"first image {FirstImage.TotalMilliseconds:F0} ms after the start of the program; peak memory of the process {PeakBytes / 1048576.0:F0} MB, of one quantized image {Model.BytesPerImage / 1024.0:F0} KB"));
        if (NearestFloat32.Length > 0) NearestPictures.Print(NearestFloat32, NearestQuantized, to);
    }

    public void WriteJson(FileInfo file)
    {
        int steps = Model.Steps.Count;
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(
            new
            {
                model = Model.Name,
                device = Device,
                images = Fidelity.Count,
                fp32MsPerImage = ReferenceMs,
                fp32MsPerStep = ReferenceMs / steps,
                quantizedMsPerImage = QuantizedMs,
                quantizedMsPerStep = QuantizedMs / steps,
                speedup = Speedup,
                snrDb = SnrDb,
                medianSnrDb = MedianSnrDb,
                psnrDb = PsnrDb,
                bitOperationsSaved = Model.BitOperationsSaved,
                modelBytes = Model.WeightBytes,
                fp32ModelBytes = Model.Float32Bytes,
                firstImageMs = FirstImage.TotalMilliseconds,
                peakBytes = PeakBytes,
                bytesPerImage = Model.BytesPerImage,
                nearest = NearestFloat32.Length == 0 ? null : new
                {
                    of = NearestFloat32.Length, found = NearestPictures.Found(NearestQuantized), fp32Found = NearestPictures.Found(NearestFloat32),
                    fp32 = NearestFloat32, quantized = NearestQuantized,
                },
                steps = Model.Steps.Select((s, i) => new
                {
                    step = i,
                    timestep = s.Timestep,
                    bits = s.ActivationBits,
                    k = s.K,
                    sigma = s.Sigma,
                    calibratedSigma = s.CalibratedSigma,
                    snrDb = s.SnrDb,
                }),
            },
            s_json);
        File.WriteAllBytes(file.FullName, json);
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
