using System.Runtime.InteropServices;
using System.Text;
using Specializer.Formats;

namespace Specializer.Calibration.Tests;

/// <summary>A network that a test describes by a <c>config.json</c>, with random weights under diffusers' names that the test may replace.</summary>
internal sealed class SyntheticNetwork
{
    private readonly string _json;
    private readonly UNetConfiguration _configuration;
    private readonly Dictionary<string, long[]> _shapes;
    private readonly Dictionary<string, float[]> _tensors = new(StringComparer.Ordinal);

    /// <param name="json">The network's configuration.</param>
    /// <param name="tokens">Tokens of its context, if it has one.</param>
    /// <param name="like">Has other tensors of the same name and size; null for none.</param>
    public SyntheticNetwork(string json, int tokens = 2, SyntheticNetwork? like = null)
    {
        _json = json;
        _configuration = Read(json, tokens);
        var source = SourceTensors.None();
        UNetImporter.Import(_configuration, source);
        _shapes = source.Asked.ToDictionary(t => t.Key, t => Array.ConvertAll(t.Value, e => (long)e), StringComparer.Ordinal);
        var random = new Random(7);
        foreach (var (name, shape) in _shapes)
        {
            long all = shape.Aggregate(1L, (a, b) => a * b), inputs = shape.Length == 1 ? 30 : all / shape[0];
            float mean = shape.Length == 1 && name.Contains("norm", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0;
            float[] values = [.. Enumerable.Range(0, (int)all).Select(_ => mean + (float)((2 * random.NextDouble() - 1) * Math.Sqrt(3.0 / inputs)))];
            _tensors.Add(name, like?._tensors.GetValueOrDefault(name) is { } given && given.Length == values.Length ? [.. given] : values);
        }
    }

    public float[] this[string name]
    {
        get => _tensors[name];
        set => _tensors[name] = value.Length == _tensors[name].Length ? value : throw new ArgumentException($"'{name}' has {_tensors[name].Length} elements, not {value.Length}.", nameof(value));
    }

    /// <summary>Names of the tensors that end so.</summary>
    public IEnumerable<string> Names(string end) => _tensors.Keys.Where(name => name.EndsWith(end, StringComparison.Ordinal));

    /// <summary>What a configuration says.</summary>
    public static UNetConfiguration Read(string json, int tokens = 2) => UNetConfiguration.Read(ConfigurationReader.Parse("config.json", Encoding.UTF8.GetBytes(json)), tokens);

    /// <summary>The prediction for one image.</summary>
    /// <param name="timestep">The timestep.</param>
    /// <param name="x">The state, NHWC.</param>
    /// <param name="context">The condition's tokens; null for a network without.</param>
    /// <param name="guidance">Numbers that stand for the scale of guidance, of a network that reads it; none for nothing.</param>
    public float[] Evaluate(float timestep, float[] x, float[]? context, params IReadOnlyList<float[]> guidance)
    {
        var source = new SourceTensors("weights", _shapes, name => _tensors[name]);
        var (network, weights, time) = UNetImporter.Import(_configuration, source);
        source.Check();
        DeferredTensors all = time.Tensors([timestep], guidance);
        foreach (string name in weights.Keys) all.Add(name, () => weights[name]);
        using var device = new CpuDevice(1);
        using var evaluator = new NetworkEvaluator(network, 1, (name, _) => MemoryMarshal.AsBytes(all[name].AsSpan()).ToArray(), device, 1);
        if (context is not null) evaluator.Give(UNetImporter.Context, context);
        var y = new float[x.Length];
        evaluator.Evaluate(0, InterpretedStep.Float32, x, [], y);
        return y;
    }

    /// <summary>Writes the folder of a model.</summary>
    public void Save(string folder, string scheduler = """{"_class_name": "DDIMScheduler", "num_train_timesteps": 1000}""")
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), _json);
        File.WriteAllText(Path.Combine(folder, "scheduler_config.json"), scheduler);
        var writer = new SafetensorsWriter();
        foreach (var (name, values) in _tensors) writer.Add(name, values, _shapes[name]);
        writer.Write(Path.Combine(folder, "diffusion_pytorch_model.safetensors"));
    }
}
