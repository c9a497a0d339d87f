using Specializer.Calibration;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>Whatever the scheduler, a calibrated artefact's generated sampler gives the interpreter's bits.</summary>
public sealed class SchedulerTests
{
    /// <param name="scheduler">Family.</param>
    /// <param name="printed">What stands in the source if the solver is the one that was asked for.</param>
    /// <param name="eta">η.</param>
    /// <param name="guided">Whether the guidance's σ' is injected.</param>
    [Theory]
    [InlineData("ddim", "* M + ", 0.5)]
    [InlineData("dpmsolver++", "H0.Set(")]
    [InlineData("euler-ancestral", "Input.Set(", null, true)]
    [InlineData("heun", "S0.Set(")]
    [InlineData("pndm", "* H3")]
    [InlineData("unipc", "* S0")]
    [InlineData("lcm", "Z0.Draw(2)")]
    [InlineData("sde-dpmsolver++", "Z0.Draw(0)", null, true)]
    public void The_compiled_sampler_gives_the_interpreters_bits(string scheduler, string printed, double? eta = null, bool guided = false)
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        string source = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist"), settings = folder.File("scheduler_config.json");
        foreach (string file in (string[])["config.json", "diffusion_pytorch_model.safetensors"]) File.Copy(Path.Combine(source, file), folder.File(file));
        // PNDM's last step would have no length otherwise.
        File.WriteAllText(settings, File.ReadAllText(Path.Combine(source, "scheduler_config.json")).Replace("{", """{ "set_alpha_to_one": true,""", StringComparison.Ordinal));
        ImportedModel model = DiffusersImporter.Load(folder.Root, "compiled", guided ? 10 : null);
        var options = new CalibrationOptions
        {
            Steps = 4, Scheduler = scheduler, Eta = eta, Trajectories = 2, Rounding = RoundingChoice.Nearest, Policy = BitPolicy.Preset, GuidanceMaximum = guided ? 3 : 1,
            MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.On,
        };
        string manifest = Calibrator.Run(model, options, folder.Root, device, 2).ManifestPath;
        var asked = new SampleOptions { Count = 3, Seed = 5, Labels = [1, 2, 3], Guidance = guided ? 2.5f : null };
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        float[] expected = interpreted.Sample(asked).Pixels.ToArray();
        Assert.All(expected, p => Assert.True(float.IsFinite(p)));
        Assert.True(expected.Distinct().Count() > expected.Length / 4, "The images are nearly constant: the comparison says little.");
        using var other = new CpuDevice(1);
        using Sampler compiled = CompiledArtifact.Load(manifest, other, out string code);
        Assert.Contains(printed, code, StringComparison.Ordinal);
        using SamplerSession session = compiled.CreateSession(2);
        Assert.Equal(expected, session.Sample(asked).Pixels.ToArray());
    }
}
