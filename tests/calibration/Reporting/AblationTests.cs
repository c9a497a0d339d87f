using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>The real model, three steps and as few trajectories as can be.</summary>
public class AblationTests(AblationTests.Calibrated fixture) : IClassFixture<AblationTests.Calibrated>
{
    private static readonly int[] s_bits = [8, 4, 8];

    [Fact]
    public void Static_ranges_hold_for_all_steps_and_per_step_ranges_do_not()
    {
        foreach (AblationRow row in fixture.Rows)
        {
            bool fixedRanges = row.Name.EndsWith("nearest", StringComparison.Ordinal) || row.Name.EndsWith("GPTQ", StringComparison.Ordinal);
            Assert.Equal(fixedRanges ? 1 : 3, row.Manifest.Steps.Select(s => s.Scales).Distinct().Count());
        }
    }

    [Fact]
    public void Each_row_adds_one_part_to_the_row_it_names()
    {
        var rows = fixture.Rows.ToDictionary(r => r.Name);
        foreach (AblationRow row in fixture.Rows.Where(r => r.Change is not null)) Assert.Contains(row.Against!, rows.Keys);
        AblationRow plain = rows["W4A8 + per-step ranges"], k = rows["W4A8 + mean correction"], bias = rows["W4A8 + bias"], variance = rows["W4A8 + variance"], signed = rows["W4A8 signed k, bias"];
        Assert.All(plain.Manifest.Steps, s => Assert.Equal((1, 0), (s.Gain.Single, s.Offset[0].Single)));
        Assert.All(k.Manifest.Steps, s => Assert.Equal((1 / (1 + Math.Max(s.K.Value, 0)), 0), ((double)s.Gain.Single, s.Offset[0].Single), Close));
        Assert.Equal(k.Manifest.Steps.Select(s => s.Gain), bias.Manifest.Steps.Select(s => s.Gain));
        Assert.Contains(bias.Manifest.Steps, s => s.Offset[0].Single != 0);
        Assert.All(bias.Manifest.Steps, s => Assert.Equal(s.Sigma, s.CalibratedSigma));
        Assert.Equal(bias.Manifest.Steps.Select(s => (s.Gain, s.Offset)), variance.Manifest.Steps.Select(s => (s.Gain, s.Offset)));
        Assert.Contains(variance.Manifest.Steps, s => s.CalibratedSigma.Value != s.Sigma.Value);
        Assert.All(signed.Manifest.Steps, s => Assert.Equal((1 / (1 + s.K.Value), 0), ((double)s.Gain.Single, 0f), Close));
        // Rounding is the weights' affair.
        Assert.NotEqual(Weights(rows["W4A8 nearest"]), Weights(rows["W4A8 + GPTQ"]));

        static bool Close((double, float) a, (double, float) b) => Math.Abs(a.Item1 - b.Item1) < 1e-6 && a.Item2 == b.Item2;
        static byte[] Weights(AblationRow row)
        {
            ConvolutionOperation c = row.Manifest.Network.Operations.OfType<ConvolutionOperation>().First(o => o.WeightBits == 4);
            return row.Tensor($"{c.Name}.weight", WeightTensors(row)[$"{c.Name}.weight"]);
        }

        static Dictionary<string, long> WeightTensors(AblationRow row) => Packing.WeightTensors.Of(row.Manifest.Network, 3).Values.ToDictionary(t => t.Name, t => t.Shape.Aggregate(1L, (a, b) => a * b));
    }

    [Fact]
    public void What_reads_the_state_is_left_in_floating_point_and_nothing_else_changes()
    {
        var rows = fixture.Rows.ToDictionary(r => r.Name);
        foreach (string bits in (string[])["W8A8", "W4A8"])
        {
            AblationRow open = rows[$"{bits} + FP32 input"], ranged = rows[$"{bits} + per-step ranges"];
            Dictionary<string, int> with = Widths(open), without = Widths(ranged);
            Assert.Equal((8, 32), (without["conv_in"], with["conv_in"]));
            Assert.Equal(without.Where(w => w.Key != "conv_in"), with.Where(w => w.Key != "conv_in"));
            Assert.Equal(ranged.Tensor("conv_out.scale", 4), open.Tensor("conv_out.scale", 4));
            Assert.True(open.Manifest.Sampling.BitOperationsSaved.Value < ranged.Manifest.Sampling.BitOperationsSaved.Value);
        }

        static Dictionary<string, int> Widths(AblationRow row) => row.Manifest.Network.Operations.OfType<ConvolutionOperation>().ToDictionary(c => c.Name, c => c.WeightBits);
    }

    [Fact]
    public void Ranges_that_clip_less_have_larger_steps_and_the_same_integers()
    {
        var rows = fixture.Rows.ToDictionary(r => r.Name);
        foreach (string bits in (string[])["W8A8", "W4A8", "W4A4"])
        {
            AblationRow clipped = rows[$"{bits} + weighted clipping"], ranged = rows[$"{bits} + per-step ranges"];
            Assert.Equal(ranged.Manifest.Network, clipped.Manifest.Network);
            Assert.Equal(ranged.Tensor("conv_out.scale", 4), clipped.Tensor("conv_out.scale", 4));
            double[] ratios = [.. ranged.Manifest.Steps.Zip(clipped.Manifest.Steps).SelectMany(s => s.First.Scales.Zip(s.Second.Scales, (a, b) => b.Value / a.Value))];
            Assert.True(ratios.Average(Math.Log) > 0.01, $"{bits}: {ratios.Average(Math.Log)}");
        }
    }

    [Fact]
    public void Where_evidence_was_asked_of_it_the_rows_with_and_without_are_compared()
    {
        var rows = fixture.Rows.ToDictionary(r => r.Name);
        AblationRow open = rows["W4A8 + FP32 input"], ranged = rows["W4A8 + per-step ranges"];
        foreach ((AblationRow artifact, bool kept) in (ReadOnlySpan<(AblationRow, bool)>)[(open, true), (ranged, false)])
        {
            CalibrationManifest asked = artifact.Manifest with { Provenance = artifact.Manifest.Provenance with { Options = new(["--first-convolution auto"]) } };
            Assert.Equal([("first convolution in floating point", kept, open.Name, ranged.Name, Criterion.SquaredError)], DecisionRows.Of(artifact with { Manifest = asked }, fixture.Rows));
            Assert.DoesNotContain(DecisionRows.Of(artifact, fixture.Rows), d => d.Decision.StartsWith("first", StringComparison.Ordinal));
            // With it in floating point everywhere there would be no row to compare with.
            string[] skip = kept ? ["conv_in", "other"] : ["other"];
            Assert.Equal(["other"], ArtifactEvaluation.Undecided(new() { Skip = skip }, asked).Skip);
            Assert.Equal(skip, ArtifactEvaluation.Undecided(new() { Skip = skip }, artifact.Manifest).Skip);
        }
    }

    [Fact]
    public void Mixed_rows_compare_the_artefacts_bits_with_as_many_low_steps_in_front()
    {
        var rows = fixture.Rows.ToDictionary(r => r.Name);
        Assert.Equal([4, 8, 8], rows["MP preset"].Manifest.Steps.Select(s => s.ActivationBits));
        Assert.Equal(s_bits, rows["MP budget"].Manifest.Steps.Select(s => s.ActivationBits));
        Assert.Equal(rows["MP preset"].Manifest.Sampling.BitOperationsSaved, rows["MP budget"].Manifest.Sampling.BitOperationsSaved);
        // A step's ranges and noise are those of its own width.
        Assert.Equal(rows["W4A4, all corrections"].Manifest.Steps[1].Scales, rows["MP budget"].Manifest.Steps[1].Scales);
        Assert.Equal(rows["W4A8 + variance"].Manifest.Steps[0], rows["MP budget"].Manifest.Steps[0]);
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void A_whole_evaluation_is_the_same_on_any_number_of_threads_but_for_its_times()
    {
        string[] reports = [.. ((int[])[1, 3]).Select(threads =>
        {
            return Json(Evaluate(threads));
        })];
        Assert.Equal(reports[0], reports[1]);
    }

    [Fact]
    public void The_artefact_is_the_last_row_and_stands_against_its_own_policy()
    {
        EvaluationReport report = Evaluate(2);
        Assert.Equal(["FP32", .. fixture.Rows.Select(r => r.Name), "artefact, σ", "artefact, σ, mean not corrected", "artefact"], report.Rows.Select(r => r.Name));
        Assert.Equal("MP budget", report.Rows[^1].Verdict!.Against);
        // Calibrated on the same trajectories, so nothing differs.
        Assert.Equal(Outcome.Identical, report.Rows[^1].Verdict!.Outcome);
        Assert.All(report.Rows.Skip(1), r => Assert.True(r.SnrDb!.Value.Value is > 5 and < 80, $"{r.Name}: {r.SnrDb}"));
        Assert.All(report.Rows, r => Assert.True(r.MsPerImage > 0));
        // Each decision is judged by what the calibration judged it by; three images bear out nothing.
        Assert.Equal([("mean correction divide, k clamped at 0", Criterion.SquaredError), ("variance correction", Criterion.CoarseFrechet), ("bits by measured costs instead of the preset's", Criterion.SquaredError)],
            report.Decisions.Select(d => (d.Decision, d.Verdict.Criterion)));
        Assert.All(report.Decisions, d => Assert.True(d.Applied && d.Agrees is null, $"{d}"));
        Assert.Equal(new(MeanCorrectionKind.Divide, true, true, 2, 2, "budget", 1, 3), report.Corrections);
        double Median(string name) => report.Rows.Single(r => r.Name == name).MedianSnrDb!.Value.Value;
        Assert.True(Median("W8A8 + per-step ranges") > Median("W4A8 + per-step ranges"));
        Assert.True(Median("W4A8 + per-step ranges") > Median("W4A4, all corrections"));
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void An_interrupted_evaluation_goes_on_to_the_same_figures()
    {
        using var folder = new TemporaryFolder();
        string expected = Figures(null, null);
        // While noise is collected, and with the second batch's first row, when a batch is kept.
        foreach (var (phase, when) in ((string, int)[])[("quantization noise", 2), ("paired images", 30)])
        {
            int reports = 0;
            using var stop = new CancellationTokenSource();
            Assert.ThrowsAny<OperationCanceledException>(() => Figures(folder.Root, stop, p => p.Phase == phase && ++reports == when));
            Assert.NotEmpty(Directory.GetFiles(folder.Root, "*.checkpoint"));
        }

        Assert.Equal(expected, Figures(folder.Root, null));
        Assert.Empty(Directory.GetFiles(folder.Root));

        string Figures(string? resume, CancellationTokenSource? stop, Func<CalibrationProgress, bool>? when = null)
        {
            using var device = new CpuDevice(2);
            EvaluationReport report = ArtifactEvaluation.Run(fixture.Manifest, ModelFolder.Source, new() { Images = 20, Trajectories = Calibrated.Trajectories, ResumeFolder = resume }, device, 2,
                new Inline(p =>
                {
                    if (when?.Invoke(p) == true) stop!.Cancel();
                }), stop?.Token ?? default);
            return Json(report);
        }
    }

    [Fact]
    public void Without_ablation_there_are_two_rows()
    {
        using var device = new CpuDevice(2);
        EvaluationReport report = ArtifactEvaluation.Run(fixture.Manifest, ModelFolder.Source, new() { Images = 2, Ablation = false }, device, 2);
        Assert.Equal(["FP32", "artefact"], report.Rows.Select(r => r.Name));
        Assert.Null(report.Rows[1].Verdict);
        Assert.Equal(0, report.Trajectories);
    }

    /// <summary>Rows that differ in the number of trajectories alone: the last has the artefact's own, and the first draws its ranges and weights from one.</summary>
    [Fact]
    public void A_curve_over_trajectories_has_a_row_for_each_number_and_width()
    {
        using var device = new CpuDevice(2);
        EvaluationReport report = ArtifactEvaluation.Run(fixture.Manifest, ModelFolder.Source, new() { Images = 2, Ablation = false, Samples = [1, Calibrated.Trajectories] }, device, 2);
        ReportRow[] curve = [.. report.Rows.Where(r => r.Trajectories is not null)];
        Assert.Equal([("W4A8", 1), ("W4A4", 1), ("W4A8", 2), ("W4A4", 2)], curve.Select(r => (r.Bits, r.Trajectories!.Value)));
        Assert.Equal([null, null, curve[0].Name, curve[1].Name], curve.Select(r => r.Verdict?.Against));
        AblationRow same = fixture.Rows.Single(r => r.Name == "W4A8 + per-step ranges");
        Assert.Equal(same.Manifest.Steps.Select(s => s.SnrDb.Value), curve[2].Steps.Select(s => s.SnrDb));
        Assert.NotEqual(curve[0].SnrDb, curve[2].SnrDb);
        Assert.Equal("artefact", report.Rows[^1].Name);
        Assert.Null(report.Rows[^1].Verdict);
        foreach (int[] wrong in (int[][])[[0], [2, 2], [3, 2]])
            Assert.Contains("--samples", Assert.Throws<ArgumentException>(() => ArtifactEvaluation.Run(fixture.Manifest, ModelFolder.Source, new() { Images = 2, Samples = wrong }, device, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_engine_that_learns_adds_rows_with_its_weights_and_step_sizes()
    {
        using var device = new CpuDevice(2);
        EvaluationReport report = ArtifactEvaluation.Run(fixture.Manifest, ModelFolder.Source, new() { Images = Bootstrap.Fewest, Trajectories = 2, Engine = new Halving(device) }, device, 2);
        ReportRow[] learned = [.. report.Rows.Where(r => r.Name.EndsWith("learned rounding", StringComparison.Ordinal))];
        Assert.Equal(["W4A8", "W4A4"], learned.Select(r => r.Bits));
        // Step sizes of half the size saturate: both rows must be worse than what learning started from.
        Assert.All(learned, r => Assert.Equal((Outcome.Worsens, $"{r.Bits} + per-step ranges"), (r.Verdict!.Outcome, r.Verdict.Against)));
        Assert.Contains("automatic differentiation", Assert.Throws<ArgumentException>(() =>
            ArtifactEvaluation.Run(fixture.Manifest, ModelFolder.Source, new() { Images = 2, Engine = new InterpreterEngine(device) }, device, 1)).Message);
        Assert.Contains("ablation", Assert.Throws<ArgumentException>(() =>
            ArtifactEvaluation.Run(fixture.Manifest, ModelFolder.Source, new() { Images = 2, Engine = new Halving(device), Ablation = false }, device, 1)).Message);
    }

    [Fact]
    public void Mistakes_are_named()
    {
        using var device = new CpuDevice(1);
        using var folder = new TemporaryFolder();
        Assert.Contains("no *.calibration.json", Assert.Throws<ArtifactException>(() => CalibrationArtifact.Find(folder.Root)).Message);
        Assert.Throws<ArtifactException>(() => CalibrationArtifact.Find(folder.File("nowhere")));
        Assert.Equal(fixture.Manifest, CalibrationArtifact.Find(Path.GetDirectoryName(fixture.Manifest)!));
        File.Copy(fixture.Manifest, folder.File("a.calibration.json"));
        File.Copy(fixture.Manifest, folder.File("b.calibration.json"));
        Assert.Contains("there are 2 files", Assert.Throws<ArtifactException>(() => CalibrationArtifact.Find(folder.Root)).Message);
        Assert.Throws<ArgumentException>(() => ArtifactEvaluation.Run(fixture.Manifest, ModelFolder.Source, new() { Images = 1 }, device, 1));
        Assert.Throws<ArgumentException>(() => ArtifactEvaluation.Run(fixture.Manifest, ModelFolder.Source, new() { Images = 2, FirstImage = -1 }, device, 1));
        using var other = new ModelFolder();
        byte[] weights = File.ReadAllBytes(other.Weights);
        weights[^1] ^= 1;
        File.WriteAllBytes(other.Weights, weights);
        Assert.Contains("--model", Assert.Throws<ArtifactException>(() => ArtifactEvaluation.Run(fixture.Manifest, other.Root, new() { Images = 2 }, device, 1)).Message);
    }

    [Theory]
    [InlineData("norm_eps", "1e-6", "norm1' has the Epsilon 1E-05")]
    [InlineData("norm_num_groups", "16", "norm1' has the Groups 8")]
    [InlineData("attn_norm_num_groups", "16", "mid_block.attentions.0.group_norm' has the Groups 8")]
    [InlineData("attention_head_dim", "16", "' has the Heads 2 in the artefact and 4 in the model")]
    [InlineData("mid_block_scale_factor", "2", "' has the OutputScale 1")]
    [InlineData("downsample_padding", "0", "' has the PaddingTop 1")]
    [InlineData("flip_sin_to_cos", "false", "flip_sin_to_cos or freq_shift")]
    [InlineData("freq_shift", "1", "flip_sin_to_cos or freq_shift")]
    public void Another_configuration_of_the_same_weights_is_refused(string key, string value, string difference)
    {
        using var device = new CpuDevice(1);
        using ModelFolder other = new ModelFolder().With(key, value);
        string message = Assert.Throws<ArtifactException>(() => ArtifactEvaluation.Run(fixture.Manifest, other.Root, new() { Images = 2, Ablation = false }, device, 1)).Message;
        Assert.Contains(difference, message, StringComparison.Ordinal);
        Assert.Contains("config.json", message, StringComparison.Ordinal);
    }

    /// <summary>All figures but times.</summary>
    private static string Json(EvaluationReport report)
    {
        report = report with { Device = "", Rows = [.. report.Rows.Select(r => r with { MsPerImage = null, Speedup = null })] };
        using var stream = new MemoryStream();
        JsonReport.Write(report, stream);
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    private sealed class Inline(Action<CalibrationProgress> report) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => report(value);
    }

    private EvaluationReport Evaluate(int threads)
    {
        using var device = new CpuDevice(threads);
        return ArtifactEvaluation.Run(fixture.Manifest, ModelFolder.Source, new() { Images = 3, Trajectories = Calibrated.Trajectories }, device, threads);
    }

    /// <summary>An engine whose learning does harm, so that its result shows.</summary>
    private sealed class Halving(Device device) : ReferenceEngine
    {
        public override string Name => "halving";

        internal override bool CanReconstruct => true;

        internal override IReferenceNetwork Create(ImportedModel model, IReadOnlyList<float> timesteps, int capacity) => new InterpreterEngine(device).Create(model, timesteps, capacity);

        internal override ReconstructedNetwork Reconstruct(ReconstructionRequest request, CancellationToken cancellation) =>
            new(request.Weights, [.. request.Rows.Select(row => Array.ConvertAll(row, q => q with { Scale = q.Scale / 2 }))], []);
    }

    /// <summary>An artefact with mixed bits, and the rows that stand beside it.</summary>
    public sealed class Calibrated : IDisposable
    {
        public const int Trajectories = 2;

        private readonly TemporaryFolder _folder = new();

        public Calibrated()
        {
            ImportedModel model = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);
            var options = new CalibrationOptions { Steps = 3, Trajectories = Trajectories };
            using var device = new CpuDevice(2);
            var plan = new CorrectionPlan(MeanCorrectionKind.Divide, true, true);
            // Mixed, and with these corrections, as the artefact will be.
            CalibrationManifest like = TestManifest.Quantized();
            var rows = new AblationRows(like with { Sampling = like.Sampling with { MeanCorrection = "divide", ClampK = true, VarianceCorrection = true } });
            var calibration = new AblationCalibration(new(model, Calibrator.Solver(model, options), options, device, 2, null, default), Checkpoint.None, rows.Variants, rows.Plans);
            QuantizationVariant eight = new(4, RoundingChoice.Gptq, true, 8), four = eight with { ActivationBits = 4 };
            calibration.Run();
            CalibrationManifest manifest = calibration.Manifest(
                eight, [.. s_bits.Select((b, t) => calibration.Steps(b == 4 ? four : eight, plan)[t])], plan, "budget");
            var weights = new SafetensorsWriter();
            calibration.Tensors(eight).AddTo(weights);
            Manifest = ArtifactWriter.Write(_folder.Root, manifest, weights).Path;
            Rows = [.. new AblationRows(manifest).All(calibration)];
        }

        public string Manifest { get; }

        internal IReadOnlyList<AblationRow> Rows { get; }

        public void Dispose() => _folder.Dispose();
    }
}
