using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>What the choice of a pipeline's parts keeps: states, pictures and every figure.</summary>
public sealed class PartsPhaseTests : IDisposable
{
    private const string Ruined = "decoder.up_blocks.0.resnets.0.conv1.weight";

    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 2, Eta = 0, Trajectories = 3, Prompts = ["red", "a", "b"], Guidance = 2, GuidanceMinimum = 2, GuidanceMaximum = 2, Activations = ActivationWidth.Eight,
        ImageToImage = true, MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Off,
    };

    private readonly TinyPipeline _pipeline = new();
    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(2);
    private readonly ImportedModel _model;

    public PartsPhaseTests()
    {
        _model = PipelineImporter.Load(_pipeline.Root, "tiny", encoder: true);
        ImportedNetwork decoder = _model.Decoder!;
        var tensors = new DeferredTensors();
        // One weight in a hundred takes the whole range, so that 8 bits leave little of the others, and convolutions are ranked.
        foreach (string name in decoder.Tensors.Keys)
            tensors.Add(name, () => name == Ruined ? [.. decoder.Tensors[name].Select((w, i) => i % 100 == 0 ? 30 : w)] : decoder.Tensors[name]);
        Assert.Contains(Ruined, tensors.Keys);
        _model = _model with { Decoder = decoder with { Tensors = tensors } };
    }

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
        _pipeline.Dispose();
    }

    /// <summary>Stopped after every few reports, it goes on: no convolution is ranked twice, and no decoder seen or judged twice.</summary>
    [Fact]
    public void Stopped_again_and_again_it_goes_on_to_the_same_parts()
    {
        using var never = new CancellationTokenSource();
        var whole = new Run(this, Checkpoint.None, never, int.MaxValue);
        Assert.True(whole.Choose());
        Assert.Equal(whole.Planned, whole.Done + whole.Dropped, 1e-9);
        PartQuantized decoder = whole.Findings.OfType<PartQuantized>().Single(f => f.Part == "decoder");
        Assert.InRange(decoder.AllPsnrDb, 0, PartChoice.LeastPsnrDb - 1);
        Assert.Equal(decoder.Convolutions, whole.New.Count(phase => phase == "decoder, ranking"));

        var news = new List<string>();
        int stops = 0;
        for (bool done = false; !done && stops < 100; stops++)
        {
            // As many as the longest stretch between two checkpoints has: a text encoder's judgement.
            using var stop = new CancellationTokenSource();
            var part = new Run(this, new(_folder.Root, "tiny", "these options"), stop, 5);
            done = part.Choose();
            news.AddRange(part.New);
            if (!done) continue;
            Assert.Equal(whole.Bytes, part.Bytes);
            Assert.Equal(whole.Findings, part.Findings);
            Assert.Equal(whole.Done, part.Done, 1e-9);
        }

        Assert.InRange(stops, 5, 99);
        // Judging an encoder, of pictures or of texts, has several reports, of which a stop repeats some.
        foreach (string phase in (string[])["decoder", "decoder, ranking", "encoder of pictures, ranking", "text encoder, ranking"])
            Assert.Equal(whole.New.Count(p => p == phase), news.Count(p => p == phase));
    }

    [Fact]
    public void A_calibration_that_is_killed_in_it_gives_the_same_bytes_and_leaves_nothing()
    {
        string whole = _folder.File("whole"), parts = _folder.File("parts");
        Calibrate(whole, _ => { });
        foreach (string phase in (string[])["pictures that judge", "decoder, ranking", "text encoder"])
        {
            // As a kill does: nothing is said or saved after it.
            Assert.Throws<InvalidOperationException>(() => Calibrate(parts, p =>
            {
                if (p.Phase == phase) throw new InvalidOperationException();
            }));
            Assert.NotEmpty(Directory.GetFiles(parts, "*.checkpoint"));
        }

        Calibrate(parts, p => Assert.NotEqual("decoder, ranking", p.Phase));
        Assert.Equal(["tiny.calibration.json", "tiny.weights.safetensors"], Directory.GetFiles(parts).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (string file in Directory.GetFiles(whole)) Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(parts, Path.GetFileName(file))));

        void Calibrate(string folder, Action<CalibrationProgress> report) => Calibrator.Run(_model, s_options, folder, _device, 2, new Visit(report));
    }

    /// <summary>With a right hash and no number: set aside with a word, and measured anew.</summary>
    [Theory]
    [InlineData(1, 1, "a figure is no number")]
    [InlineData(1, 1, "a figure is no number", double.NegativeInfinity)]
    [InlineData(3, 3, "3 of 2 units")]
    [InlineData(1, 2, "length is not that of the state")]
    [InlineData(2, 1, "length is not that of the state")]
    public void Figures_that_are_none_are_measured_anew(int units, int figures, string reason, double figure = double.NaN)
    {
        new Checkpoint(_folder.Root, "tiny", "options").Save("figures", units, writer =>
        {
            for (int i = 0; i < figures; i++) writer.Write(figures == 1 && units == 1 ? figure : 7.0);
        });
        var findings = new List<Finding>();
        var measured = new MeasuredFigures("figures", 2, new(_folder.Root, "tiny", "options", findings));
        Assert.Contains(reason, Assert.IsType<CheckpointSetAside>(Assert.Single(findings)).Reason, StringComparison.Ordinal);
        Assert.Equal(5, measured.Next(() => 5, () => Assert.Fail("nothing was left")));
        Assert.Equal(5, new MeasuredFigures("figures", 2, new(_folder.Root, "tiny", "options")).Next(() => 6, () => { }));
    }

    /// <summary>The PSNR of pictures that are the same.</summary>
    [Fact]
    public void An_infinite_figure_is_one()
    {
        for (int run = 0; run < 2; run++)
            Assert.Equal(double.PositiveInfinity, new MeasuredFigures("figures", 2, new(_folder.Root, "tiny", "options")).Next(() => run == 0 ? double.PositiveInfinity : 1, () => { }));
    }

    [Theory]
    [InlineData(2, float.NaN, "not finite")]
    [InlineData(1, 1f, "length is not that of the state")]
    [InlineData(3, 1f, "length is not that of the state")]
    public void Numbers_that_are_none_are_computed_anew(int count, float value, string reason)
    {
        new Checkpoint(_folder.Root, "tiny", "options").Save("pictures", 1, writer =>
        {
            for (int i = 0; i < count; i++) writer.Write(value);
        });
        var findings = new List<Finding>();
        Assert.Equal((float[])[3, 4], new Checkpoint(_folder.Root, "tiny", "options", findings).Keep("pictures", 2, () => [3, 4], () => Assert.Fail("nothing was left")));
        Assert.Contains(reason, Assert.IsType<CheckpointSetAside>(Assert.Single(findings)).Reason, StringComparison.Ordinal);
        Assert.Equal((float[])[3, 4], new Checkpoint(_folder.Root, "tiny", "options").Keep("pictures", 2, () => [5, 6], () => { }));
    }

    /// <summary>The phase alone, stopped after a number of reports of its own work.</summary>
    private sealed class Run : IProgress<CalibrationProgress>
    {
        private readonly CancellationTokenSource _stop;
        private readonly CalibrationContext _context;
        private readonly PartsPhase _phase;
        private readonly int _reports;
        private double _resumed;

        public Run(PartsPhaseTests test, Checkpoint checkpoint, CancellationTokenSource stop, int reports)
        {
            (_stop, _reports) = (stop, reports);
            ImportedModel model = test._model with { Contexts = test._model.Text!.Encode(s_options.Prompts, null, test._device) };
            _context = new(model, Calibrator.Solver(model, s_options), s_options, test._device, 2, this, _stop.Token);
            _phase = new(_context, checkpoint, Findings);
            _context.Meter.Total = Planned = _phase.Work;
        }

        public List<Finding> Findings { get; } = [];

        public List<string> New { get; } = [];

        public double Planned { get; }

        public double Done => _context.Meter.Done;

        public double Dropped => Planned - _context.Meter.Total;

        public byte[] Bytes { get; private set; } = [];

        public bool Choose()
        {
            try
            {
                PipelineParts parts = _phase.Choose();
                Bytes = [.. new[] { parts.TextEncoder!, parts.Decoder!, parts.ImageEncoder! }.SelectMany(part =>
                    part.Tensors.Quantized.OrderBy(q => q.Key, StringComparer.Ordinal).SelectMany(q => q.Value.Values).Select(v => (byte)v)
                        .Concat(part.Ranges.SelectMany(r => BitConverter.GetBytes(r.Scale))))];
                return true;
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }

        public void Report(CalibrationProgress value)
        {
            if (value.Resumed == _resumed && !value.Phase.StartsWith("rounding", StringComparison.Ordinal)) New.Add(value.Phase);
            _resumed = value.Resumed;
            if (New.Count >= _reports) _stop.Cancel();
        }
    }

    private sealed class Visit(Action<CalibrationProgress> report) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => report(value);
    }
}
