using Specializer.Calibration;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>A network with attention, calibrated with 8-bit products, generated, compiled and run.</summary>
public sealed class QuantizedAttentionTests
{
    [SharedFact("golden/small-attn")]
    public void The_compiled_sampler_gives_the_interpreters_bits()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        ImportedModel model = DiffusersImporter.Load(SharedData.Golden("small-attn"), "attentive");
        var options = new CalibrationOptions { Steps = 3, Trajectories = 2, AttentionBits = 8, MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.On };
        string manifest = Calibrator.Run(model, options, folder.Root, device, 2).ManifestPath;
        using (CalibrationArtifact artifact = CalibrationArtifact.Open(manifest))
            Assert.Equal([8], artifact.Manifest.Network.Operations.OfType<Manifest.AttentionOperation>().Select(a => a.ProductBits).Distinct());
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        using var other = new CpuDevice(1);
        using Sampler compiled = CompiledArtifact.Load(manifest, other, out string source);
        Assert.Contains("query: new(", source, StringComparison.Ordinal);
        EveryBatch.Same(interpreted, compiled, new SampleOptions { Count = 7, Seed = 5 });
    }
}
