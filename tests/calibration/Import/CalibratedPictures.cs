namespace Specializer.Calibration.Tests;

/// <summary>Pictures of a calibrated artefact beside those of its network in FP32.</summary>
internal static class CalibratedPictures
{
    /// <summary>Calibrates in 3 steps. Without quantization every bit is that of FP32; with 8 bits the error is theirs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">Where artefacts go.</param>
    /// <param name="device">Where networks run.</param>
    /// <param name="labels">Of each picture; none for a model without classes.</param>
    /// <returns>What the artefact says of itself.</returns>
    public static SamplerDescription Check(ImportedModel model, string folder, Device device, params int[] labels)
    {
        // The pictures that the ranges come from: those of 4 trajectories cut off what is larger in others, a tenth of the picture, where 256 trajectories leave 0.02 of any.
        SampleOptions asked = new() { Count = 4, Labels = labels };
        CalibrationOptions options = new() { Steps = 3, Trajectories = asked.Count, Seed = asked.Seed, Activations = ActivationWidth.Eight, WeightBits = 8, MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Off };
        using InterpretedSampler float32 = InterpretedSampler.Float32(model, options.Steps, device: device);
        float[] expected = float32.Sample(asked).Pixels.ToArray();

        var (exact, _) = Draw(options with { Skip = [.. model.Network.Operations.OfType<Manifest.ConvolutionOperation>().Select(o => o.Name)] });
        Assert.Equal(expected, exact);
        var (actual, description) = Draw(options);
        Assert.InRange(Math.Sqrt(expected.Zip(actual, (a, b) => Math.Pow(a - b, 2)).Sum() / expected.Sum(a => a * a)), 0.001, 0.03);
        return description;

        (float[] Pixels, SamplerDescription Description) Draw(CalibrationOptions options)
        {
            using InterpretedSampler sampler = InterpretedSampler.FromArtifact(Calibrator.Run(model, options, folder, device).ManifestPath, device);
            return (sampler.Sample(asked).Pixels.ToArray(), sampler.Description);
        }
    }
}
