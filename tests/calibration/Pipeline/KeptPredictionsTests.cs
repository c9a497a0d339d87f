using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>FP32's predictions are computed once, and what is lost of them again.</summary>
public sealed class KeptPredictionsTests : IDisposable
{
    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 2, Trajectories = 20, Rounding = RoundingChoice.Nearest, Activations = ActivationWidth.Eight, MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.Off,
    };

    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(2);

    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    /// <summary>A process that shares the work keeps none: twenty trajectories are two units, of which it goes through the first for the scales.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Noise_is_measured_against_what_activations_were_collected_with(double guidance)
    {
        CalibrationOptions options = s_options with { GuidanceMaximum = guidance };
        int halves = options.Guided ? 2 : 1;
        Assert.Equal(2 * 2 * halves, Evaluations(options, "whole"));
        Assert.Equal((1 + 2 + 2) * 2 * halves, Evaluations(options, "shared", UnitRanges.Of(new(0, 1))));
        Evaluations(options, "shared", UnitRanges.Merge(1));
        AssertEqual("whole", "shared");
    }

    /// <summary>Each solver's trajectories are gone through as often as if it were alone: second-order rounding needs scales first, which are one for all. The FP32 network is made once for that,
    /// and a network of each width of weights once for the noise of all.</summary>
    [Theory]
    [InlineData(RoundingChoice.Nearest, 1)]
    [InlineData(RoundingChoice.Gptq, 2)]
    public void Several_solvers_take_as_many_passes_as_one_and_one_network_for_all(RoundingChoice rounding, int passes)
    {
        using var network = new TinyNetwork();
        using var device = new CountingDevice(_device);
        var engine = new Counting(_device);
        string[] solvers = ["ddim", "dpmsolver++", "euler"];
        Calibrator.Run(DiffusersImporter.Load(network.Root, "tiny"), s_options with { Trajectories = 4, Rounding = rounding, Schedulers = solvers, Engine = engine }, _folder.Root, device, 2, new Observer(p =>
        {
            if (p.Phase == "quantization noise") device.Noise = device.Uploads;
        }));
        Assert.Equal(passes * solvers.Length * s_options.Steps, engine.Evaluations);
        Assert.Equal((1, 2), (engine.Networks, device.Noise));
    }

    [Fact]
    public void After_a_kill_what_is_left_is_taken_and_the_rest_computed_again()
    {
        Evaluations(s_options, "whole");
        string file = _folder.File("killed/tiny.predictions.checkpoint");
        Assert.Throws<InvalidOperationException>(() => Evaluations(s_options, "killed", progress: new Killer()));
        byte[] left = File.ReadAllBytes(file);
        Assert.Equal(0, Resumed(left, out _));
        // A record of the second unit's last evaluation is lost; the first evaluation of the first unit, and so all that follow.
        Assert.Equal(1, Resumed(left[..^1], out _));
        Assert.Equal(4, Resumed([.. left[..100], (byte)~left[100], .. left[101..]], out _));
        new AppendedFile(file, left[..(4 + 32)], _ => { }).Append(writer => writer.Write(new byte[100]));
        Assert.Equal(4, Resumed(File.ReadAllBytes(file), out IReadOnlyList<Finding> findings));
        Assert.Contains("are none of this calibration", Assert.Single(findings.OfType<CheckpointSetAside>()).Reason, StringComparison.Ordinal);

        int Resumed(byte[] predictions, out IReadOnlyList<Finding> findings)
        {
            string folder = Path.GetRandomFileName();
            Directory.CreateDirectory(_folder.File(folder));
            foreach (string kept in Directory.GetFiles(_folder.File("killed"))) File.Copy(kept, _folder.File($"{folder}/{Path.GetFileName(kept)}"));
            File.WriteAllBytes(_folder.File($"{folder}/tiny.predictions.checkpoint"), predictions);
            var engine = new Counting(_device);
            findings = Calibrator.Run(Model, s_options with { Engine = engine }, _folder.File(folder), _device, 2).Findings;
            AssertEqual("whole", folder);
            return engine.Evaluations;
        }
    }

    /// <summary>Both halves of a guided pair, and a learned variance; held-out trajectories are not kept, nor where all are too many.</summary>
    [Fact]
    public void What_is_kept_comes_back()
    {
        ImportedModel model = Model with { Network = Model.Network with { Outputs = ((string[])["variance"]).ToEquatableArray() } };
        CalibrationOptions options = s_options with { GuidanceMaximum = 2 };
        float[][] values = [.. Enumerable.Range(0, 3).Select(i => new Gaussian(i).Values(4 * 28 * 28))];
        KeptPredictions kept = Open()!;
        kept.Add(16, 4, 1, values);
        kept.Add(20, 4, 1, values);
        foreach (KeptPredictions those in (KeptPredictions[])[kept, Open()!])
        {
            float[] conditional = new float[values[0].Length], unconditional = new float[conditional.Length];
            Assert.Equal(values[2], those.Find(16, 4, 1, conditional, unconditional));
            Assert.Equal(values[0], conditional);
            Assert.Equal(values[1], unconditional);
            Assert.Null(those.Find(16, 4, 0, conditional, unconditional));
            Assert.Null(those.Find(20, 4, 1, conditional, unconditional));
            Assert.False(those.Has(16, 4));
        }

        Assert.Null(KeptPredictions.In(new(_folder.Root, "tiny", "these options"), model, options with { Trajectories = 100_000 }));
        // Those of the digits that ship are not too many.
        Assert.NotNull(KeptPredictions.In(new(_folder.Root, "tiny", "those options"), Model, s_options with { Trajectories = 1024, Steps = 50 }));
        Assert.Null(KeptPredictions.In(Checkpoint.None, model, options));

        KeptPredictions? Open() => KeptPredictions.In(new(_folder.Root, "tiny", "these options"), model, options);
    }

    private int Evaluations(CalibrationOptions options, string folder, UnitRanges? ranges = null, IProgress<CalibrationProgress>? progress = null)
    {
        var engine = new Counting(_device);
        Calibrator.Run(Model, options with { Engine = engine }, _folder.File(folder), ranges, _device, 2, progress);
        return engine.Evaluations;
    }

    private void AssertEqual(string expected, string actual)
    {
        foreach (string file in (string[])["tiny.calibration.json", "tiny.weights.safetensors"])
            Assert.Equal(File.ReadAllBytes(_folder.File($"{expected}/{file}")), File.ReadAllBytes(_folder.File($"{actual}/{file}")));
    }

    private sealed class Killer : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value)
        {
            if (value.Phase == "quantization noise") throw new InvalidOperationException();
        }
    }

    /// <summary>The interpreter, whose evaluations are counted, and its networks.</summary>
    private sealed class Counting(Device device) : ReferenceEngine
    {
        public int Evaluations { get; private set; }

        public int Networks { get; private set; }

        public override string Name => "counting";

        internal override IReferenceNetwork Create(ImportedModel model, IReadOnlyList<float> timesteps, int capacity)
        {
            Networks++;
            return new Counted(this, new InterpreterEngine(device).Create(model, timesteps, capacity));
        }

        private sealed class Counted(Counting engine, IReferenceNetwork network) : IReferenceNetwork
        {
            public void Give(string input, ReadOnlySpan<float> values) => network.Give(input, values);

            public void Evaluate(int step, ReadOnlySpan<float> x, ReadOnlySpan<int> labels, Span<float> epsilon, ReferenceOperationObserver? observer, CancellationToken cancellation)
            {
                engine.Evaluations++;
                network.Evaluate(step, x, labels, epsilon, observer, cancellation);
            }

            public void Dispose() => network.Dispose();
        }
    }

    private sealed class Observer(Action<CalibrationProgress> report) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => report(value);
    }

    /// <summary>The processor, whose networks are counted.</summary>
    private sealed class CountingDevice(CpuDevice device) : Device
    {
        public int Uploads { get; private set; }

        /// <summary>How many there were when noise was measured last.</summary>
        public int Noise { get; set; }

        public override string Name => device.Name;

        internal override DeviceWeights Upload(PackedWeights weights)
        {
            Uploads++;
            return device.Upload(weights);
        }

        internal override Execution CreateExecution(DeviceWeights weights, long arenaBytesPerImage, Activation vectors, int capacity) => device.CreateExecution(weights, arenaBytesPerImage, vectors, capacity);

        // It stays the test's.
        protected override void Dispose(bool disposing)
        {
        }
    }
}
