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

    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    [Fact]
    public void A_prediction_is_nearer_to_FP32s()
    {
        using var device = new CpuDevice(2);
        QuantizationVariant apart = new(4, RoundingChoice.Gptq, true, 8), sequential = apart with { Rounding = RoundingChoice.Sequential };
        var run = new CalibrationRun(new(Model, Calibrator.Solver(Model, s_options), s_options, device, 2, null, default), Checkpoint.None, [apart, sequential]) { FreeRunning = false, Confirm = false };
        run.CollectActivations();
        run.QuantizeWeights();
        run.CollectNoise();
        for (int step = 0; step < s_options.Steps; step++)
        {
            double before = run.Noise(apart).Fit(step).SnrDb, after = run.Noise(sequential).Fit(step).SnrDb;
            Assert.True(after > before + 0.5, $"step {step}: {before}, {after} dB");
        }

        Assert.NotEqual(run.TensorsOf(apart).Quantized["conv_out"].Values, run.TensorsOf(sequential).Quantized["conv_out"].Values);
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
    public void Weights_that_several_solvers_share_are_not_rounded_for_one()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(1);
        var error = Assert.Throws<ArgumentException>(() => Calibrator.Run(Model, s_options with { Schedulers = ["ddim", "dpmsolver++"] }, folder.Root, device));
        Assert.Contains("in sequence", error.Message, StringComparison.Ordinal);
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
