using Specializer.Calibration;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.TorchSharp.Tests;

/// <summary>The repository's model without what lies between its first residual block and its output, at 4 bits.</summary>
internal sealed class TinyModel
{
    private static readonly float[] s_timesteps = [20, 500];

    private readonly QuantizedNetwork _quantized;
    private readonly ReconstructionSample[] _samples;

    public TinyModel()
    {
        ImportedModel whole = DiffusersImporter.Load(Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist"));
        Network network = whole.Network;
        string[] kept = ["conv_in", "down_blocks.0.resnets.0", "conv_norm_out", "conv_out"];
        string end = network.Operations.OfType<ConvolutionOperation>().Single(o => o.Name == "down_blocks.0.resnets.0.conv2").Output;
        Operation[] operations = [.. network.Operations.Where(o => kept.Any(k => o.Name == k || o.Name.StartsWith($"{k}.", StringComparison.Ordinal)))
            .Select(o => o is GroupNormOperation { Name: "conv_norm_out" } norm ? norm with { Input = end } : o)];
        HashSet<string> maps = [network.Latent, .. operations.SelectMany(o => o.Outputs())];
        network = network with { Maps = network.Maps.Where(m => maps.Contains(m.Name)).ToEquatableArray(), Operations = operations.ToEquatableArray() };
        Model = new(network, whole.Weights, whole.Time, whole.Scheduler)
        {
            Name = "tiny", Architecture = whole.Architecture, Sha256 = whole.Sha256, Parameters = whole.Parameters,
        };
        _quantized = QuantizedNetwork.Of(network, 4, []);
        int elements = Model.Height * Model.Width * Model.Channels;
        _samples = [.. Enumerable.Range(0, 16).Select(i => new ReconstructionSample(i % 2, i % 2, i % Model.Classes, Inputs.Normal(elements, i)))];
    }

    public ImportedModel Model { get; }

    /// <summary>Nearest rounding and searched step sizes to start from.</summary>
    public ReconstructionRequest Request(ReconstructionOptions options) => new(
        Model, _quantized.Network, s_timesteps,
        _quantized.Network.Operations.OfType<ConvolutionOperation>().ToDictionary(
            o => o.Name, o => WeightRounding.Nearest(Model.Weights[$"{o.Name}.weight"], Model.Weights[$"{o.Name}.bias"], o.WeightBits)),
        Rows(), _samples, options);

    /// <summary>Mean squared error of ε on the integer kernels, over the samples.</summary>
    public double KernelError(IReadOnlyDictionary<string, QuantizedWeights> weights, IReadOnlyList<Quantization[]> rows)
    {
        Func<string, long, byte[]> float32 = Model.TensorBytes(s_timesteps);
        using var device = new CpuDevice(2);
        using var reference = new NetworkEvaluator(Model.Network, s_timesteps.Length, float32, device, 1);
        using var quantized = new NetworkEvaluator(_quantized.Network, s_timesteps.Length, Bytes, device, 1);
        double sum = 0, count = 0;
        foreach (ReconstructionSample sample in _samples)
        {
            float[] expected = new float[sample.X.Length], actual = new float[sample.X.Length];
            reference.Evaluate(sample.Step, InterpretedStep.Float32, sample.X, [sample.Label], expected);
            quantized.Evaluate(sample.Step, new() { Quantizations = rows[sample.Row] }, sample.X, [sample.Label], actual);
            sum += expected.Zip(actual, (e, a) => ((double)e - a) * (e - a)).Sum();
            count += expected.Length;
        }

        return sum / count;

        byte[] Bytes(string name, long length)
        {
            int dot = name.LastIndexOf('.');
            return weights.TryGetValue(name[..dot], out QuantizedWeights? w)
                ? name[(dot + 1)..] switch { "weight" => w.ToBytes(), "scale" => Floats(w.Scales), _ => Floats(w.Bias) }
                : float32(name, length);
        }
    }

    private static byte[] Floats(float[] values) => System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    private Quantization[][] Rows()
    {
        var histograms = s_timesteps.Select(_ => _quantized.Sources.Select(s => s.Map).Distinct().ToDictionary(s => s, _ => new ActivationHistogram())).ToArray();
        using var device = new CpuDevice(2);
        using IReferenceNetwork reference = new InterpreterEngine(device).Create(Model, s_timesteps, 1);
        var sizes = Model.Network.Maps.ToDictionary(m => m.Name, m => m.Height * m.Width * m.Channels);
        foreach (ReconstructionSample sample in _samples)
        {
            histograms[sample.Step][Model.Network.Latent].Add(sample.X, Model.Network.Latent);
            reference.Evaluate(sample.Step, sample.X, [sample.Label], new float[sample.X.Length], (operation, maps) =>
            {
                foreach (string output in operation.Outputs().Where(histograms[sample.Step].ContainsKey))
                {
                    var values = new float[sizes[output]];
                    maps.Read(output, values);
                    histograms[sample.Step][output].Add(values, output);
                }
            });
        }

        return [.. histograms.Select(h => _quantized.Sources.Select((source, slot) =>
        {
            ActivationRange range = ActivationSearch.Minimize(h[source.Map], _quantized.Widened[slot] ? 255 : 15);
            return new Quantization(range.Scale, range.ZeroPoint, range.Levels);
        }).ToArray())];
    }
}
