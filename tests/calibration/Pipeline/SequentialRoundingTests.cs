using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Layers rounded in the order in which they run, each for what those before it have left.</summary>
public class SequentialRoundingTests
{
    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 2, Trajectories = 8, Rounding = RoundingChoice.Sequential, Activations = ActivationWidth.Eight, MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Off,
    };

    private static readonly QuantizationVariant s_apart = new(4, RoundingChoice.Gptq, true, 8), s_sequential = s_apart with { Rounding = RoundingChoice.Sequential };

    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    [Fact]
    public void A_prediction_is_nearer_to_FP32s()
    {
        using var device = new CpuDevice(2);
        CalibrationRun run = Rounded(device, "ddpm")[0];
        CheckNoise(run);
        Assert.NotEqual(run.TensorsOf(s_apart).Quantized["conv_out"].Values, run.TensorsOf(s_sequential).Quantized["conv_out"].Values);
    }

    /// <summary>Each has its own timesteps and ranges.</summary>
    [Fact]
    public void Solvers_that_share_weights_have_nearer_predictions_each()
    {
        using var device = new CpuDevice(2);
        Assert.All(Rounded(device, "ddim", "dpmsolver++"), CheckNoise);
    }

    /// <summary>Wherever a solver's timesteps and ranges stand; sums of the same numbers in another order may round a few weights otherwise.</summary>
    [Fact]
    public void The_order_of_solvers_does_not_matter()
    {
        using var network = new TinyNetwork();
        using var device = new CpuDevice(2);
        ImportedModel small = DiffusersImporter.Load(network.Root, "tiny");
        IReadOnlyDictionary<string, QuantizedWeights> one = Shared("ddim", "dpmsolver++"), other = Shared("dpmsolver++", "ddim");
        bool[] same = [.. one.SelectMany(layer => layer.Value.Values.Zip(other[layer.Key].Values, (a, b) => a == b))];
        Assert.True(same.Count(s => s) > 0.99 * same.Length, $"{same.Count(s => s)} of {same.Length} are the same");

        IReadOnlyDictionary<string, QuantizedWeights> Shared(params string[] schedulers) => Rounded(small, device, schedulers)[0].TensorsOf(s_sequential).Quantized;
    }

    /// <summary>Where there is room no layer but the first is evaluated for: a token that is cancelled stops nothing.</summary>
    [Theory]
    [InlineData(0L)]
    [InlineData(ExactOutputs.Room)]
    public void FP32s_outputs_are_those_of_an_evaluation_for_each_layer(long room)
    {
        using var device = new CpuDevice(2);
        CalibrationOptions options = s_options with { Trajectories = 4 };
        var context = new CalibrationContext(Model, Calibrator.Solver(Model, options), options, device, 2, null, default);
        using ReferenceTrajectories reference = context.Reference();
        TrajectoryState[] states = [.. reference.Run(0).Select(s => s with { X = [.. s.X] })];
        // The images are more than a batch.
        using var exact = new NetworkEvaluator(Model.Network, options.Steps, Model.TensorBytes(context.Timesteps), device, 3);
        var maps = Model.Network.Maps.ToDictionary(m => m.Name);
        ConvolutionOperation[] layers = [.. exact.Interpreter.Network.Operations.OfType<ConvolutionOperation>()];
        var outputs = new ExactOutputs(exact, layers, maps, states, Choose, room);
        for (int layer = 0; layer < layers.Length; layer++)
        {
            string name = layers[layer].Name, output = layers[layer].Output;
            int channels = maps[output].Channels, elements = exact.Interpreter.Elements(output);
            for (int s = 0; s < states.Length; s++)
            {
                TrajectoryState state = states[s];
                float[] map = new float[state.Images * elements];
                exact.EvaluateTo(name, state.Step, InterpretedStep.Float32, state.X, state.Labels, (operation, run) =>
                {
                    if (operation.Name == name) exact.Interpreter.Read(run, output, map.AsSpan(exact.First * elements, run.Batch * elements));
                });
                int number = layer;
                float[] expected = [.. Enumerable.Range(0, state.Images).SelectMany(image => Choose(number, state.Step, image, elements / channels)
                    .SelectMany(pixel => map[(image * elements + pixel * channels)..][..channels]))];
                Assert.Equal(expected, outputs.Take(layer, s, new(layer > 0 && room > 0)));
            }
        }

        static int[] Choose(int layer, int step, long image, int pixels) => [(int)((layer + 7 * step + 3 * image) % pixels), pixels - 1];
    }

    [Fact]
    public void It_is_kept_by_evidence_and_stopped_again_and_again_it_gives_the_same_bytes()
    {
        using TemporaryFolder whole = new(), parts = new();
        CalibrationResult expected = Calibrate(whole, 1);
        RoundingDecided decided = Assert.Single(expected.Findings.OfType<RoundingDecided>());
        Assert.Equal(decided.ErrorChangeDb.High < 0, decided.Kept);
        Assert.Contains("--rounding sequential", Read(expected.ManifestPath).Provenance.Options);
        long kept = 0;
        for (int times = 0; times < 3; times++)
        {
            using var stop = new CancellationTokenSource();
            var begun = new HashSet<string>();
            Assert.ThrowsAny<OperationCanceledException>(() => Calibrate(parts, 2, new Inline(p =>
            {
                if (p.Phase.StartsWith("sequential rounding, ", StringComparison.Ordinal) && begun.Add(p.Phase) && begun.Count == 15) stop.Cancel();
            }), stop.Token));
            long length = new FileInfo(parts.File("tiny.sequential.rounded.checkpoint")).Length;
            Assert.True(length > kept);
            kept = length;
        }

        string path = Calibrate(parts, 3).ManifestPath;
        Assert.Equal(File.ReadAllBytes(expected.ManifestPath), File.ReadAllBytes(path));
        Assert.Equal(File.ReadAllBytes(whole.File("tiny.weights.safetensors")), File.ReadAllBytes(parts.File("tiny.weights.safetensors")));
        Assert.Empty(Directory.GetFiles(parts.Root, "*.checkpoint"));
    }

    [Fact]
    public void Several_solvers_decide_together_of_the_weights_that_they_share()
    {
        using var network = new TinyNetwork();
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        CalibrationResult result = Calibrator.Run(DiffusersImporter.Load(network.Root, "tiny"), s_options with { Trajectories = 3, Schedulers = ["ddim", "dpmsolver++"] }, folder.Root, device, 2);
        RoundingDecided decided = Assert.Single(result.Findings.OfType<RoundingDecided>());
        Assert.Equal(decided.ErrorChangeDb.High < 0, decided.Kept);
        Assert.DoesNotContain(result.Findings.OfType<WithScheduler>(), f => f.Of is RoundingDecided);
        Assert.All(result.ManifestPaths, path => Assert.Contains("--rounding sequential", Read(path).Provenance.Options));
        Assert.Empty(Directory.GetFiles(folder.Root, "*.checkpoint"));
    }

    /// <summary>A run for each solver, whose weights they share.</summary>
    private static CalibrationRun[] Rounded(Device device, params string[] schedulers) => Rounded(Model, device, schedulers);

    private static CalibrationRun[] Rounded(ImportedModel model, Device device, string[] schedulers)
    {
        SchedulerRun[] solvers = [.. schedulers.Select(scheduler => Calibrator.Solver(model, s_options with { Scheduler = scheduler }))];
        CalibrationRun[] runs = [.. solvers.Select(solver => new CalibrationRun(new(model, solver, s_options, device, 2, null, default) { Solvers = solvers }, Checkpoint.None, [s_apart, s_sequential]) { FreeRunning = false, Confirm = false })];
        foreach (CalibrationRun run in runs.Skip(1)) run.Share(runs[0]);
        foreach (CalibrationRun run in runs) run.CollectActivations();
        foreach (CalibrationRun run in runs) run.QuantizeWeights();
        return runs;
    }

    private static void CheckNoise(CalibrationRun run)
    {
        run.CollectNoise();
        for (int step = 0; step < s_options.Steps; step++)
        {
            double before = run.Noise(s_apart).Fit(step).SnrDb, after = run.Noise(s_sequential).Fit(step).SnrDb;
            Assert.True(after > before + 0.5, $"{run.Context.Run.Identity.Family}, step {step}: {before}, {after} dB");
        }
    }

    private static CalibrationResult Calibrate(TemporaryFolder folder, int threads, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var device = new CpuDevice(threads);
        return Calibrator.Run(Model, s_options with { Trajectories = 3 }, folder.Root, device, threads, progress, cancellation);
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
