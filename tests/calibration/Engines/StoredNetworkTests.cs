using Specializer.Calibration.Conversion;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Weights that files store in FP16 stay in it in memory where FP32 is evaluated, and nothing shows it but the memory.</summary>
public sealed class StoredNetworkTests : IDisposable
{
    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 2, Eta = 0, Trajectories = 3, Rounding = RoundingChoice.Nearest, Activations = ActivationWidth.Eight, MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Off,
    };

    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(2);
    private readonly ImportedModel _model, _plain;

    public StoredNetworkTests()
    {
        Synthesizer.Write(TinyLatentDiffusion.Recipe, _folder.File("model"), 3);
        _model = PipelineImporter.Load(_folder.File("model"), "ldm");
        _plain = _model with { StoredType = DType.F32, Decoder = _model.Decoder! with { StoredType = DType.F32 } };
    }

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Half_the_bytes_give_the_same_bits()
    {
        Assert.Same(_plain.Network, _plain.StoredNetwork);
        Assert.Same(_plain.Network, _model.Network);
        foreach (var (stored, network) in new[] { (_model.StoredNetwork, _model.Network), (_model.Decoder!.StoredNetwork, _model.Decoder.Network) })
        {
            Assert.All(stored.Operations.OfType<ConvolutionOperation>(), c => Assert.Equal(16, c.WeightBits));
            Assert.InRange(ConvolutionBytes(network) / (double)ConvolutionBytes(stored), 1.9, 2);
        }

        using (NetworkEvaluator evaluator = InterpreterEngine.Evaluator(_model, [500], _device, 1)) Assert.Equal(ConvolutionBytes(_model.StoredNetwork), ConvolutionBytes(evaluator.Interpreter.Network));
        Assert.Equal(Predict(_plain), Predict(_model));
        Assert.Equal(Decode(_plain.Decoder!), Decode(_model.Decoder!));
    }

    /// <summary>What importers only bring into another order is not read for it; and what they mark so has FP16's numbers.</summary>
    [Fact]
    public void Tensors_that_are_only_rearranged_are_not_looked_through()
    {
        Assert.All(_model.Network.Operations.OfType<ConvolutionOperation>(), c => Assert.True(DeferredTensors.IsHalf(_model.Weights, $"{c.Name}.weight"), c.Name));
        Synthesizer.Write(PipelineRecipe.All.Single(r => r.Name == "small-sdxl"), _folder.File("xl"), 3);
        ImportedModel xl = PipelineImporter.Load(_folder.File("xl"), encoder: true);
        Assert.Contains(xl.Text!.Network.Network.Operations.OfType<LookupOperation>(), l => DeferredTensors.IsHalf(xl.Text.Network.Tensors, $"{l.Name}.table"));
        foreach (IReadOnlyDictionary<string, float[]> tensors in (IReadOnlyDictionary<string, float[]>[])[_model.Weights, _model.Decoder!.Tensors, xl.Weights, xl.Text.Network.Tensors, xl.Decoder!.Tensors, xl.Encoder!.Tensors])
        {
            string[] marked = [.. tensors.Keys.Where(name => DeferredTensors.IsHalf(tensors, name))];
            Assert.NotEmpty(marked);
            Assert.All(marked, name => Assert.DoesNotContain(tensors[name], v => v != (float)(Half)v));
        }

        var unread = new DeferredTensors();
        unread.Add("conv.weight", () => throw new InvalidOperationException(), isHalf: true);
        Network network = new("x", "y", new([new("x", 1, 1, 1, MapType.Float32), new("y", 1, 1, 1, MapType.Float32)]), new(0, 0, 0), new([new ConvolutionOperation("conv", "x", "y", null, 1, 1, 0, 0, 1, 32, -1, 1)]));
        Assert.NotEqual(network, new HalfStorage(unread).Lossless(network));
    }

    /// <summary>Also where only the tensors of a network that was looked at before are others.</summary>
    [Fact]
    public void A_tensor_with_a_number_that_FP16_has_not_stays_in_FP32()
    {
        const string Layer = "conv_in";
        Assert.True(Halves(_model.StoredNetwork));
        Assert.True(Halves(_model.Decoder!.StoredNetwork));

        ImportedModel model = _model with { Weights = Changed(_model.Weights) };
        Assert.False(Halves(model.StoredNetwork));
        Assert.Equal(1, model.StoredNetwork.Operations.OfType<ConvolutionOperation>().Count(c => c.WeightBits == 32));
        Assert.Equal(Predict(model with { StoredType = DType.F32 }), Predict(model));
        Assert.NotEqual(Predict(_model), Predict(model));
        Assert.False(Halves((_model.Decoder with { Tensors = Changed(_model.Decoder.Tensors) }).StoredNetwork));

        static bool Halves(Network network) => network.Operations.OfType<ConvolutionOperation>().Single(c => c.Name.EndsWith(Layer, StringComparison.Ordinal)).WeightBits == 16;

        static DeferredTensors Changed(IReadOnlyDictionary<string, float[]> tensors)
        {
            string changed = tensors.Keys.Single(name => name.EndsWith($"{Layer}.weight", StringComparison.Ordinal));
            DeferredTensors result = DeferredTensors.Of(tensors, name => name != changed);
            result.Add(changed, () => [.. tensors[changed][..^1], 0.1f]);
            return result;
        }
    }

    /// <summary>Of the whole pipeline, and of the network alone in sequence, where FP32 runs beside integers.</summary>
    [Theory]
    [InlineData(RoundingChoice.Nearest)]
    [InlineData(RoundingChoice.Sequential)]
    public void A_calibration_gives_the_same_bytes(RoundingChoice rounding)
    {
        bool whole = rounding == RoundingChoice.Nearest;
        Assert.Equal(Calibrate(_plain, "plain"), Calibrate(_model, "stored"));

        IEnumerable<byte[]> Calibrate(ImportedModel model, string folder)
        {
            Calibrator.Run(whole ? model : model with { Decoder = null, Pipeline = null }, s_options with { Rounding = rounding }, _folder.File(folder), _device, 2);
            return [.. ((string[])["ldm.calibration.json", "ldm.weights.safetensors"]).Select(file => File.ReadAllBytes(Path.Combine(_folder.File(folder), file)))];
        }
    }

    /// <summary>An engine that is not this project's keeps FP32.</summary>
    [Fact]
    public void A_calibration_is_predicted_to_take_less()
    {
        long saved = ConvolutionBytes(_plain.Network) - ConvolutionBytes(_model.StoredNetwork);
        MemoryPlan plain = MemoryPlan.Of(_plain, s_options), stored = MemoryPlan.Of(_model, s_options);
        Assert.Equal((saved, saved), (plain.Reference - stored.Reference, plain.Noise - stored.Noise));
        Assert.True(stored.Least < plain.Least);
        Assert.Equal(ConvolutionBytes(_plain.Decoder!.Network) - ConvolutionBytes(_model.Decoder!.StoredNetwork), plain.Parts - stored.Parts);
        Assert.Equal(plain.Reference, MemoryPlan.Of(_model, s_options with { Engine = new OtherEngine() }).Reference);
    }

    private static long ConvolutionBytes(Network network)
    {
        var maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        return network.Operations.OfType<ConvolutionOperation>().Sum(c => c.PackedBytes(maps));
    }

    private float[] Predict(ImportedModel model)
    {
        using IReferenceNetwork network = new InterpreterEngine(_device).Create(model, [500], 2);
        float[] x = new Gaussian(1).Values(2 * 8 * 8 * 3), epsilon = new float[x.Length];
        network.Give(UNetImporter.Context, new Gaussian(2).Values(2 * TinyLatentDiffusion.Context));
        network.Evaluate(0, x, [], epsilon);
        return epsilon;
    }

    private float[] Decode(ImportedNetwork decoder)
    {
        using var pictures = new PictureDecoder(decoder, _device);
        return pictures.Decode(new Gaussian(3).Values(2 * decoder.InputElements));
    }

    private sealed class OtherEngine : ReferenceEngine
    {
        public override string Name => "other";

        internal override IReferenceNetwork Create(ImportedModel model, IReadOnlyList<float> timesteps, int capacity) => throw new NotSupportedException();
    }
}
