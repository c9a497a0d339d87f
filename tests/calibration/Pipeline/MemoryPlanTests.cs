using System.Globalization;
using System.Text.RegularExpressions;
using Specializer.Calibration.Conversion;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>A budget changes how a calibration works, and not what comes of it.</summary>
public sealed class MemoryPlanTests : IDisposable
{
    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 2, Eta = 0, Trajectories = 3, Activations = ActivationWidth.Eight, MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Off,
    };

    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(2);
    private readonly ImportedModel _model;

    public MemoryPlanTests()
    {
        Synthesizer.Write(TinyLatentDiffusion.Recipe, _folder.File("model"), 3);
        _model = PipelineImporter.Load(_folder.File("model"), "ldm") with { Decoder = null, Pipeline = null };
    }

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Groups_of_layers_and_kills_do_not_show()
    {
        MemoryPlan whole = Plan(0), small = Plan(whole.Least);
        Assert.Single(whole.Groups);
        Assert.InRange(small.Groups.Count, 2, 40);
        Assert.Equal(whole.Groups[0], small.Groups.SelectMany(g => g));
        Calibrator.Run(_model, s_options, _folder.File("whole"), _device, 2);

        CalibrationOptions bounded = s_options with { Memory = whole.Least };
        // Stopped again and again, each time two layers later.
        int stops = 0;
        for (bool done = false; !done;)
        {
            using var stop = new CancellationTokenSource();
            int layers = 0;
            try
            {
                Calibrator.Run(_model, bounded, _folder.File("small"), _device, 1, new Visit(p =>
                {
                    if (p.Phase.StartsWith("rounding", StringComparison.Ordinal) && ++layers == 9) stop.Cancel();
                }), stop.Token);
                done = true;
            }
            catch (OperationCanceledException)
            {
                stops++;
            }
        }

        Assert.InRange(stops, 3, 20);
        foreach (string file in (string[])["ldm.calibration.json", "ldm.weights.safetensors"])
            Assert.Equal(File.ReadAllBytes(Path.Combine(_folder.File("whole"), file)), File.ReadAllBytes(Path.Combine(_folder.File("small"), file)));
        Assert.Empty(Directory.EnumerateFiles(_folder.File("small"), "*.checkpoint"));
    }

    /// <summary>Nothing goes on from the moments of other groups: they are gone before the work, and are not taken for room that the new ones have.</summary>
    [Fact]
    public void Moments_of_another_budget_are_removed()
    {
        CalibrationOptions bounded = s_options with { Memory = (Plan(0).Least + Plan(0).Peak) / 2 };
        string folder = _folder.File("out");
        Stop(bounded, "input moments");
        string left = Path.GetFileName(Assert.Single(Moments()));
        Assert.Equal($"ldm.moments-1-of-{Plan(bounded.Memory).Groups.Count}.checkpoint", left);
        // Of another model of a like name.
        string other = Path.Combine(folder, $"ldm-{left}");
        File.WriteAllText(other, "");

        Stop(bounded, "rounding");
        Assert.Equal([other, Path.Combine(folder, left)], Moments());
        Stop(s_options, "FP32 activations");
        Assert.Equal([other], Moments());

        Stop(bounded, "input moments");
        CalibrationResult result = Calibrator.Run(_model, s_options, folder, _device, 2);
        Assert.Contains(new CheckpointSetAside(left, "it holds the moments of other layers: --memory was another"), result.Findings);
        Assert.Equal([other], Directory.EnumerateFiles(folder, "*.checkpoint"));

        string[] Moments() => [.. Directory.EnumerateFiles(folder, "*moments-*").Order(StringComparer.Ordinal)];

        // At the phase's second report: its beginning is kept.
        void Stop(CalibrationOptions options, string phase)
        {
            using var stop = new CancellationTokenSource();
            int reports = 0;
            Assert.ThrowsAny<OperationCanceledException>(() => Calibrator.Run(_model, options with { KeepingInterval = TimeSpan.Zero }, folder, _device, 2, new Visit(p =>
            {
                if (p.Phase.StartsWith(phase, StringComparison.Ordinal) && ++reports == 2) stop.Cancel();
            }), stop.Token));
        }
    }

    /// <summary>Whatever options an abandoned calibration had, nothing of it is left beside the artefact.</summary>
    [Fact]
    public void Another_solvers_checkpoints_go_with_the_rest()
    {
        string folder = _folder.File("out");
        Directory.CreateDirectory(folder);
        foreach (string name in (string[])["ldm.unipc.activations.checkpoint", "ldm-other.activations.checkpoint"]) File.WriteAllText(Path.Combine(folder, name), "");
        Calibrator.Run(_model, s_options with { Rounding = RoundingChoice.Nearest }, folder, _device, 2);
        Assert.Equal("ldm-other.activations.checkpoint", Path.GetFileName(Assert.Single(Directory.EnumerateFiles(folder, "*.checkpoint"))));
    }

    [Fact]
    public void What_cannot_be_kept_is_said_before_the_work()
    {
        var e = Assert.Throws<ArgumentException>(() => Calibrator.Run(_model, s_options with { Memory = 1 << 20 }, _folder.File("out"), _device));
        Match said = Regex.Match(e.Message, "^Calibrating ldm needs ([0-9.]+) GB, more than the 0[.]0 GB that --memory allows[.] Give at least that(, or round to nearest)?[.]$");
        Assert.True(said.Success, e.Message);
        // What is said is enough, and not much more.
        long enough = (long)(1e9 * double.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture));
        Assert.InRange(enough, Plan(0).Least, Plan(0).Least + 100_000_000);
        Assert.InRange(Calibrator.PredictMemory(_model, s_options with { Memory = enough }).Bytes, 1, enough);
        Assert.Empty(Directory.EnumerateFiles(_folder.File("out"), "*.checkpoint"));
    }

    /// <summary>What is predicted follows from the groups: no budget is all at once, the least of them many passes.</summary>
    [Fact]
    public void What_it_takes_is_known_before()
    {
        MemoryPlan whole = Plan(0);
        var (bytes, passes) = Calibrator.PredictMemory(_model, s_options);
        var bounded = Calibrator.PredictMemory(_model, s_options with { Memory = whole.Least });
        Assert.Equal((whole.Peak, 1), (bytes, passes));
        Assert.InRange(bounded.Bytes, 1, whole.Least);
        Assert.InRange(bounded.Passes, 2, 40);
        Assert.Throws<ArgumentException>(() => Calibrator.PredictMemory(_model, s_options with { Memory = whole.Least - 1 }));
    }

    /// <summary>The noise's sums, of each step and width with their replicates, are held from when it is measured, the parts' turn included.</summary>
    [Fact]
    public void Sums_of_the_noise_count()
    {
        ImportedModel pipeline = PipelineImporter.Load(_folder.File("model"), "ldm");
        MemoryPlan without = MemoryPlan.Of(pipeline, s_options), guided = MemoryPlan.Of(pipeline, s_options with { GuidanceMaximum = 2 });
        long more = guided.Statistics - without.Statistics;
        Assert.InRange(more, 1, without.Statistics);
        Assert.Equal((more, more), (guided.Noise - without.Noise, guided.Parts - without.Parts));
    }

    /// <summary>A histogram's bins have 16 bits until there are so many values that one may outgrow them: those of the largest maps first.</summary>
    [Fact]
    public void Histograms_widen_with_the_values()
    {
        long narrow = MemoryPlan.Of(_model, s_options).Histograms;
        int sources = QuantizedNetwork.Of(_model.Network, 4, []).Sources.Distinct().Count();
        Assert.Equal(2L * sources * ActivationHistogram.Bins * sizeof(ushort), narrow);
        Assert.InRange(MemoryPlan.Of(_model, s_options with { Trajectories = 2048 }).Histograms, narrow + 1, 2 * narrow - 1);
        Assert.Equal(2 * narrow, MemoryPlan.Of(_model, s_options with { Steps = 4, Evaluations = 4 }).Histograms);
    }

    /// <summary>What checkpoints and artefact take together at their most is no more than was said, and not far from it; a disk with less is refused before the work, with the figure.</summary>
    [Theory]
    [InlineData(RoundingChoice.Nearest)]
    [InlineData(RoundingChoice.Gptq)]
    public void What_it_writes_is_known_before(RoundingChoice rounding)
    {
        CalibrationOptions options = s_options with { Rounding = rounding };
        string folder = _folder.File("disk");
        long most = 0;
        Calibrator.Run(_model, options, folder, _device, 2, new Visit(_ => most = Math.Max(most, Written())));
        long predicted = Calibrator.PredictDisk(_model, options);
        Assert.InRange(Math.Max(most, Written()), predicted / 8, predicted);
        string refused = _folder.File("refused");
        using var disk = new FaultyDisk(room: predicted - 1);
        var e = Assert.Throws<IOException>(() => Calibrator.Run(_model, options, refused, _device, 2));
        Assert.Contains(FormattableString.Invariant($"{predicted:N0} bytes are to be written, and the disk has room for {predicted - 1:N0}."), e.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(refused));

        long Written() => Directory.EnumerateFiles(folder).Sum(file => new FileInfo(file) is { Exists: true } info ? info.Length : 0);
    }

    /// <summary>A decoder's maps and moments are held as well, and count where they are the most.</summary>
    [Fact]
    public void Other_networks_of_a_pipeline_count()
    {
        ImportedModel pipeline = PipelineImporter.Load(_folder.File("model"), "ldm");
        MemoryPlan alone = Plan(0), small = MemoryPlan.Of(pipeline, s_options);
        Assert.InRange(small.Parts, alone.Parts + 1, small.Peak);
        ImportedNetwork decoder = pipeline.Decoder!;
        // The same decoder of maps 64 times as large in each direction.
        Network large = decoder.Network with { Maps = decoder.Network.Maps.Select(m => m with { Height = 64 * m.Height, Width = 64 * m.Width }).ToEquatableArray() };
        MemoryPlan much = MemoryPlan.Of(pipeline with { Decoder = decoder with { Network = large } }, s_options);
        Assert.Equal(much.Parts, much.Least);
        Assert.InRange(much.Least, 2 * alone.Least, long.MaxValue);
    }

    /// <summary>Batches within a unit choose the columns of their own images.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Batches_do_not_show_in_what_is_collected(int capacity) => Assert.Equal(Collect(5), Collect(capacity));

    /// <summary>Rounding to nearest needs no scales, and a pass for them alone would see nothing else.</summary>
    [Fact]
    public void Without_moments_spreads_are_seen_along_the_way() => Assert.Equal(Collect(5, RoundingChoice.Nearest), Collect(5, RoundingChoice.Nearest, scalesFirst: false));

    private byte[] Collect(int capacity, RoundingChoice rounding = RoundingChoice.Gptq, bool scalesFirst = true)
    {
        var model = _model with { Contexts = _model.Labels!.Contexts(_model.NullLabel) };
        using IReferenceNetwork network = new InterpreterEngine(_device).Create(model, [500], capacity);
        var options = s_options with { Steps = 1, Trajectories = 5, Rounding = rounding };
        ActivationCollector collector = New(), scales = New();
        float[] x = new Gaussian(1).Values(5 * 8 * 8 * 3), epsilon = new float[x.Length];
        network.Give(UNetImporter.Context, model.Contexts!.Of(UNetImporter.Context, [0, 1, 2, 3, 4]));
        if (scalesFirst)
        {
            Evaluate(scales.See);
            collector.TakeScales(scales.Spreads);
        }

        Evaluate(collector.Observe);
        using var state = new MemoryStream();
        collector.WriteSpreads(new BinaryWriter(state));
        collector.Write(new BinaryWriter(state));
        collector.WriteStep(0, new BinaryWriter(state));
        return state.ToArray();

        ActivationCollector New() => new(model.Network, QuantizedNetwork.Of(model.Network, 4, []), options, 2);

        void Evaluate(ReferenceObserver observer) => network.Evaluate(0, x, [], epsilon, (operation, maps) => observer(0, 0, false, operation, maps));
    }

    private MemoryPlan Plan(long memory) => new(_model, [QuantizedNetwork.Of(_model.Network, 4, []), QuantizedNetwork.Of(_model.Network, 8, [])], s_options with { Memory = memory }, secondOrder: true);

    private sealed class Visit(Action<CalibrationProgress> report) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => report(value);
    }
}
