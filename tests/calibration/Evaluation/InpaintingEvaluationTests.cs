using Specializer.Calibration.Conversion;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>An artefact whose network reads a mask beside FP32: all of each picture is drawn.</summary>
public class InpaintingEvaluationTests
{
    [Fact]
    public void Float32_draws_what_the_artefact_draws()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        Synthesizer.Write(TinyInpainting.Recipe, folder.File("model"), 3);
        var options = new CalibrationOptions
        {
            Steps = 2, Trajectories = 2, Prompts = ["a", "cat"], Pictures = [new(new byte[16 * 16 * 3], 16, 16, 3)], ImageToImage = true, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest,
        };
        string manifest = Calibrator.Run(PipelineImporter.Load(folder.File("model"), "tiny", encoder: true), options, folder.File("out"), device, 2).ManifestPath;
        EvaluationReport report = ArtifactEvaluation.Run(manifest, folder.File("model"), new() { Images = 2, Ablation = false, Prompts = ["a", "cat"] }, device, 2);
        Assert.InRange(report.Rows[1].PsnrDb!.Value.Value, 10, 80);
    }
}
