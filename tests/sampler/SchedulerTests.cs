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
            ImageToImage = true, MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.On,
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
        BeginsWithPictures(interpreted, session, new(expected, 28, 28, 1, [.. Enumerable.Repeat(new ImageId(0, 0, -1), 3)]), asked);
    }

    /// <summary>Image to image and inpainting, from wherever they begin.</summary>
    private static void BeginsWithPictures(InterpretedSampler interpreted, SamplerSession session, ImageBatch pictures, SampleOptions asked)
    {
        bool[] left = [.. Enumerable.Range(0, 28 * 28).Select(i => i % 28 < 14)];
        foreach (double strength in (double[])[0.25, 0.5, 0.75, 1])
        {
            SampleOptions image = asked with { Image = pictures, Strength = strength, Seed = 6 }, masked = image with { Mask = left };
            float[] expected = interpreted.Sample(image).Pixels.ToArray(), kept = interpreted.Sample(masked).Pixels.ToArray();
            Assert.All(expected.Concat(kept), p => Assert.True(float.IsFinite(p)));
            Assert.Equal(expected, session.Sample(image).Pixels.ToArray());
            Assert.Equal(kept, session.Sample(masked).Pixels.ToArray());
            // What a mask keeps is the picture, bit for bit, and what it does not is another one.
            for (int i = 0; i < kept.Length; i++) if (!left[i % left.Length]) Assert.Equal(pictures.Pixels.Span[i], kept[i]);
            Assert.NotEqual(pictures.Pixels.ToArray(), kept);
            // Requests of other kinds share the call, and change nothing.
            Assert.Equal([.. kept, .. expected], session.Sample([masked, image]).Pixels.ToArray());
        }

        var steps = new List<(int Step, int Steps)>();
        session.Sample(asked with { Count = 1, Labels = [1], Image = new(pictures[0].ToArray(), 28, 28, 1, [default]), Strength = 0.5 }, new Told(steps));
        Assert.Equal(Enumerable.Range(1, steps.Count).Select(step => (step, steps.Count)), steps);
        Assert.InRange(steps.Count, 1, interpreted.Description.Steps.Count - 1);
    }

    private sealed class Told(List<(int Step, int Steps)> steps) : IProgress<SampleProgress>
    {
        public void Report(SampleProgress value) => steps.Add((value.Step, value.Steps));
    }
}
