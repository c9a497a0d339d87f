using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class ShardTests
{
    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 2, Trajectories = 100, Rounding = RoundingChoice.Gptq, MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.Off, Activations = ActivationWidth.Eight,
    };

    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    /// <summary>Seven units of 16 trajectories: seven shards have one each. A shard that is stopped somewhere goes on, and merging waits for nobody.</summary>
    [Fact]
    public async Task AnyNumberOfShardsGivesTheBytesOfOneProcess()
    {
        using var device = new CpuDevice(1);
        using var whole = new TemporaryFolder();
        string expected = Calibrator.Run(Model, s_options, whole.Root, device).ManifestPath;
        foreach (int count in (int[])[1, 2, 3, 7])
        {
            using var folder = new TemporaryFolder();
            await Task.WhenAll(Enumerable.Range(0, count).Select(i => Task.Run(() => Collect(new(i, count), folder.Root, stopped: i == count - 1))));
            string merged = Calibrator.Run(Model, s_options, folder.Root, UnitRanges.Merge(count), device)!.ManifestPath;
            Assert.Equal(File.ReadAllBytes(expected), File.ReadAllBytes(merged));
            Assert.Equal(File.ReadAllBytes(Weights(expected)), File.ReadAllBytes(Weights(merged)));
            Assert.Equal(2, Directory.GetFiles(folder.Root).Length);
        }

        static string Weights(string manifest) => manifest.Replace(".calibration.json", ".weights.safetensors");
    }

    /// <summary>The scales of inputs come from the first unit, which a process evaluates for them once, however many ranges it collects.</summary>
    [Fact]
    public void ManyRangesCostOneProcessNoMoreThanOne()
    {
        using var device = new CpuDevice(1);
        Assert.Equal(Work(null), Work(new OneByOne()));

        double Work(UnitRanges? ranges)
        {
            using var folder = new TemporaryFolder();
            int steps = 0;
            Assert.NotNull(Calibrator.Run(Model, s_options, folder.Root, ranges, device, 1, new Inline(progress =>
            {
                if (progress.Phase == "FP32 activations") steps++;
            })));
            return steps;
        }
    }

    [Fact]
    public async Task ShardsThatAreMissingOrOfAnotherCalibrationAreNamed()
    {
        CalibrationOptions options = s_options with { Trajectories = 20, Rounding = RoundingChoice.Nearest };
        using var device = new CpuDevice(1);
        using var folder = new TemporaryFolder();
        Assert.Contains("shard 0/2 has not ended", Refused(options), StringComparison.Ordinal);
        // Side by side: each waits for what the other has collected.
        await Task.WhenAll(Enumerable.Range(0, 2).Select(i => Task.Run(() =>
        {
            using var own = new CpuDevice(1);
            Assert.Null(Calibrator.Run(Model, options, folder.Root, UnitRanges.Of(new(i, 2)), own));
        })));
        Assert.Contains("other options", Refused(options with { Seed = 9 }), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => UnitRanges.Of(new(2, 2)));
        Assert.Throws<ArgumentException>(() => UnitRanges.Merge(0));
        Assert.NotNull(Calibrator.Run(Model, options, folder.Root, UnitRanges.Merge(2), device));

        string Refused(CalibrationOptions merged) =>
            Assert.Throws<ShardMissingException>(() => Calibrator.Run(Model, merged, folder.Root, UnitRanges.Merge(2), device)).Message;
    }

    [Theory]
    [InlineData("2/7", null, null, 2, 7)]
    [InlineData("0/1", "5", null, 0, 1)]
    [InlineData("7", "3", null, 3, 7)]
    [InlineData("7", "1", "1", 0, 7)]
    public void AShardIsReadAsWrittenOrFromASlurmArray(string text, string? task, string? least, int index, int count) =>
        Assert.Equal(new(index, count), Shard.Parse(text, name => name switch { "SLURM_ARRAY_TASK_ID" => task, "SLURM_ARRAY_TASK_MIN" => least, _ => null }));

    [Fact]
    public void AShardIsReadFromAnIndexedJob() => Assert.Equal(new(4, 5), Shard.Parse("5", name => name == "JOB_COMPLETION_INDEX" ? "4" : null));

    [Theory]
    [InlineData("", "is no shard")]
    [InlineData("1/2/3", "is no shard")]
    [InlineData("x/3", "is no shard")]
    [InlineData("-1/3", "is no shard")]
    [InlineData("0/0", "count of 1 to 1000")]
    [InlineData("0/1001", "count of 1 to 1000")]
    [InlineData("3/3", "does not exist: they are 0 to 2")]
    [InlineData("3", "neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX")]
    public void AShardThatIsNoneIsRefused(string text, string message) =>
        Assert.Contains(message, Assert.Throws<FormatException>(() => Shard.Parse(text, _ => null)).Message, StringComparison.Ordinal);

    private static void Collect(Shard shard, string folder, bool stopped)
    {
        using var device = new CpuDevice(1);
        if (stopped)
        {
            using var stop = new CancellationTokenSource();
            int reports = 0;
            Assert.ThrowsAny<OperationCanceledException>(() => Calibrator.Run(Model, s_options, folder, UnitRanges.Of(shard), device, 1, new Inline(_ =>
            {
                if (++reports == 4) stop.Cancel();
            }), stop.Token));
        }

        Assert.Null(Calibrator.Run(Model, s_options, folder, UnitRanges.Of(shard), device));
    }

    private sealed class Inline(Action<CalibrationProgress> report) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => report(value);
    }

    /// <summary>One process that gets unit after unit, as from a cluster.</summary>
    private sealed class OneByOne : UnitRanges
    {
        private readonly Dictionary<string, int> _next = [];

        public override bool Decides => true;

        protected internal override string? LockName => null;

        protected internal override UnitRange? Next(string phase, int units, CancellationToken cancellation)
        {
            int unit = _next.GetValueOrDefault(phase);
            _next[phase] = unit + 1;
            return unit < units ? new(unit, unit + 1) : null;
        }

        protected internal override IReadOnlyList<UnitRange> All(string phase, int units, Func<UnitRange, string> file, CancellationToken cancellation) =>
            [.. Enumerable.Range(0, units).Select(u => new UnitRange(u, u + 1))];
    }
}
