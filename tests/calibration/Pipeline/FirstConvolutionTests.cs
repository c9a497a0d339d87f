using Specializer.Calibration.Conversion;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>What reads the state at 8 bits, or in floating point where held-out images are nearer to FP32's.</summary>
public sealed class FirstConvolutionTests : IDisposable
{
    private const string First = "conv_in", Phase = "first convolution";

    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 5, Eta = 0, Trajectories = 8, WeightBits = 8, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest, FirstConvolution = FirstConvolutionChoice.Auto,
        MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Off,
    };

    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    private readonly TinyNetwork _network = new();

    private ImportedModel Small => DiffusersImporter.Load(_network.Root, "tiny");

    public void Dispose() => _network.Dispose();

    [Fact]
    public void It_is_kept_in_floating_point_where_that_helps()
    {
        using TemporaryFolder asked = new(), told = new();
        CalibrationResult result = Calibrate(Model, s_options, asked);
        FirstConvolutionDecided decided = Assert.Single(result.Findings.OfType<FirstConvolutionDecided>());
        Assert.Equal([First], decided.Convolutions);
        Assert.Equal(16, decided.Images);
        Assert.True(decided.Kept && decided.ErrorChangeDb.High < 0, $"{decided}");
        CalibrationManifest manifest = Read(result.ManifestPath), same = Read(Calibrate(Model, s_options with { FirstConvolution = FirstConvolutionChoice.FloatingPoint }, told).ManifestPath);
        Assert.Equal(32, Bits(manifest));
        Assert.Equal(same, manifest with { Provenance = same.Provenance });
        Assert.Equal(File.ReadAllBytes(Weights(told)), File.ReadAllBytes(Weights(asked)));
        Assert.Equal(manifest.Sampling.BitOperationsSaved.Value, decided.BitOperationsSaved, 1e-3);
        Assert.True(decided.BitOperationsSaved < decided.BitOperationsSavedWithout);
    }

    [Fact]
    public void It_has_8_bits_where_floating_point_does_not_help()
    {
        using TemporaryFolder asked = new(), told = new();
        CalibrationOptions four = s_options with { Steps = 2, WeightBits = 4, Activations = ActivationWidth.Four };
        CalibrationResult result = Calibrate(Model, four, asked);
        FirstConvolutionDecided decided = Assert.Single(result.Findings.OfType<FirstConvolutionDecided>());
        Assert.False(decided.Kept || decided.ErrorChangeDb.High < 0, $"{decided}");
        CalibrationManifest manifest = Read(result.ManifestPath), same = Read(Calibrate(Model, four with { FirstConvolution = FirstConvolutionChoice.Quantized }, told).ManifestPath);
        Assert.Equal(8, Bits(manifest));
        Assert.Equal(same, manifest with { Provenance = same.Provenance });
        Assert.Equal(manifest.Sampling.BitOperationsSaved.Value, decided.BitOperationsSavedWithout, 1e-3);
    }

    [Fact]
    public void Floating_point_by_choice_is_what_skip_makes()
    {
        using TemporaryFolder told = new(), named = new();
        CalibrationResult result = Calibrate(Small, s_options with { FirstConvolution = FirstConvolutionChoice.FloatingPoint }, told);
        Calibrate(Small, s_options with { FirstConvolution = FirstConvolutionChoice.Quantized, Skip = [First] }, named);
        AssertSame(named, told, result);
        Assert.Empty(result.Findings.OfType<FirstConvolutionDecided>());
    }

    [Fact]
    public void Without_evidence_or_where_the_user_has_chosen_nothing_is_asked()
    {
        foreach (CalibrationOptions options in (CalibrationOptions[])[s_options with { Trajectories = Bootstrap.Fewest - 1 }, s_options with { Skip = [First] }])
        {
            CalibrationOptions settled = options.WithFirstConvolution(Small.Network), told = (options with { FirstConvolution = FirstConvolutionChoice.FloatingPoint }).WithFirstConvolution(Small.Network);
            Assert.Equal(FirstConvolutionChoice.Quantized, settled.FirstConvolution);
            Assert.Equal(options.Skip, settled.Skip);
            Assert.Equal(FirstConvolutionChoice.Quantized, told.FirstConvolution);
            Assert.Equal([First], told.Skip);
        }

        Assert.Same(s_options, s_options.WithFirstConvolution(Small.Network));
    }

    /// <summary>What reads the mask, and the picture behind it, goes with what reads the state.</summary>
    [Fact]
    public void Of_a_network_that_fills_in_a_mask_all_that_reads_pictures_is_one_choice()
    {
        using var folder = new TemporaryFolder();
        Synthesizer.Write(TinyInpainting.Recipe, folder.File("model"), 3);
        Network network = PipelineImporter.Load(folder.File("model"), "tiny", encoder: true).Network;
        IReadOnlyList<string> all = (s_options with { FirstConvolution = FirstConvolutionChoice.FloatingPoint }).WithFirstConvolution(network).Skip;
        Assert.Equal(3, all.Count);
        Assert.Equal(all, QuantizedNetwork.Entering(QuantizedNetwork.Of(network, 8, all).Network));
        Assert.Empty(QuantizedNetwork.Entering(QuantizedNetwork.Of(network, 8, []).Network));
    }

    [Theory]
    [InlineData(RoundingChoice.Nearest)]
    [InlineData(RoundingChoice.Sequential)]
    public async Task Stopped_again_and_again_or_split_it_gives_the_same_bytes(RoundingChoice rounding)
    {
        CalibrationOptions options = s_options with { Steps = 3, Trajectories = 17, WeightBits = 4, Activations = ActivationWidth.Mixed, Rounding = rounding, Clipping = ClippingChoice.Auto };
        using TemporaryFolder whole = new(), parts = new(), shards = new();
        CalibrationResult expected = Calibrate(Small, options, whole);
        Type[] decided = [typeof(FirstConvolutionDecided), typeof(ClippingDecided), typeof(RoundingDecided)];
        Assert.Equal(decided.Take(rounding == RoundingChoice.Nearest ? 2 : 3), expected.Findings.Select(f => f.GetType()).Where(decided.Contains));
        foreach (string phase in (string[])[Phase, "clipping", "quantization noise"])
        {
            using var stop = new CancellationTokenSource();
            Assert.ThrowsAny<OperationCanceledException>(() => Calibrate(Small, options, parts, 2, new Inline(p =>
            {
                if (p.Phase == phase) stop.Cancel();
            }), stop.Token));
        }

        int reports = 0;
        AssertSame(whole, parts, Calibrate(Small, options, parts, 3, new Inline(p => reports += p.Phase is Phase or "clipping" ? 1 : 0)));
        // What the runs before have drawn is not drawn again.
        Assert.Equal(2, reports);

        await Task.WhenAll(Enumerable.Range(0, 2).Select(shard => Task.Run(() =>
        {
            using var own = new CpuDevice(1);
            Assert.Null(Calibrator.Run(Small, options, shards.Root, UnitRanges.Of(new(shard, 2)), own));
        })));
        using var device = new CpuDevice(2);
        AssertSame(whole, shards, Calibrator.Run(Small, options, shards.Root, UnitRanges.Merge(2), device, 2)!);
    }

    /// <summary>The weights are one file's.</summary>
    [Fact]
    public void Schedulers_that_share_weights_have_one_choice()
    {
        using var folder = new TemporaryFolder();
        double done = 0, total = 0;
        CalibrationResult result = Calibrate(Small, s_options with { Eta = null, Schedulers = ["ddim", "dpmsolver++"], Clipping = ClippingChoice.Auto }, folder, 2, new Inline(p => (done, total) = (p.Done, p.Total)));
        FirstConvolutionDecided decided = Assert.Single(result.Findings.OfType<FirstConvolutionDecided>());
        Assert.All(result.ManifestPaths, path => Assert.Equal(decided.Kept ? 32 : 8, Bits(Read(path))));
        Assert.Single(result.Findings.OfType<ClippingDecided>());
        Assert.Equal(total, done, 1e-6);
    }

    private static int Bits(CalibrationManifest manifest) => manifest.Network.Operations.OfType<ConvolutionOperation>().Single(c => c.Name == First).WeightBits;

    private static CalibrationResult Calibrate(ImportedModel model, CalibrationOptions options, TemporaryFolder folder, int threads = 2, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var device = new CpuDevice(threads);
        return Calibrator.Run(model, options, folder.Root, device, threads, progress, cancellation);
    }

    private static string Weights(TemporaryFolder folder) => folder.File("tiny.weights.safetensors");

    private static void AssertSame(TemporaryFolder expected, TemporaryFolder actual, CalibrationResult result)
    {
        Assert.Equal(File.ReadAllText(expected.File("tiny.calibration.json")), File.ReadAllText(result.ManifestPath));
        Assert.Equal(File.ReadAllBytes(Weights(expected)), File.ReadAllBytes(Weights(actual)));
        Assert.Empty(Directory.GetFiles(actual.Root, "*.checkpoint"));
    }

    private static CalibrationManifest Read(string path)
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(path);
        return artifact.Manifest;
    }

    private sealed class Inline(Action<CalibrationProgress> report) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => report(value);
    }
}
