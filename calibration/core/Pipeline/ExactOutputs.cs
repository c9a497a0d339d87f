using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What layers write in FP32, at the pixels that are looked at. No rounding changes it, so an evaluation for one layer also serves those that follow, as many as there is room for.</summary>
/// <param name="exact">The FP32 network; stays the caller's.</param>
/// <param name="layers">In the order in which they run.</param>
/// <param name="maps">By name.</param>
/// <param name="states">That it is evaluated on.</param>
/// <param name="choose">Output pixels by index of the layer, step, image and number of pixels.</param>
/// <param name="room">Bytes that are kept at most, beside one layer's outputs of one state.</param>
internal sealed class ExactOutputs(NetworkEvaluator exact, IReadOnlyList<ConvolutionOperation> layers, IReadOnlyDictionary<string, Map> maps, IReadOnlyList<TrajectoryState> states,
    Func<int, int, long, int, int[]> choose, long room = ExactOutputs.Room)
{
    /// <summary>Bytes that are kept at most, unless said otherwise.</summary>
    public const long Room = 64L << 20;

    // Of a few layers in a row, those of each state that were evaluated and not taken yet.
    private readonly Dictionary<string, Layer> _layers = new(StringComparer.Ordinal);
    private string _last = "";
    private float[] _map = [];

    private sealed record Layer(int Index, Map Output)
    {
        public Queue<float[]> States { get; } = new();
    }

    /// <summary>A layer's outputs, image by image and pixel by pixel. Layers are asked for one after the other, each for all states in order.</summary>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="state">Index of the state.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    public float[] Take(int layer, int state, CancellationToken cancellation)
    {
        string name = layers[layer].Name;
        if (!_layers.ContainsKey(name)) Begin(layer);
        Queue<float[]> left = _layers[name].States;
        if (left.Count == 0) Evaluate(states[state], cancellation);
        return left.Dequeue();
    }

    private void Begin(int first)
    {
        _layers.Clear();
        long kept = 0, images = states.Sum(s => (long)s.Images);
        for (int i = first; i < layers.Count; i++)
        {
            Map output = maps[layers[i].Output];
            // The first one's are taken as they come.
            if (i > first && (kept += sizeof(float) * output.Channels * Math.Min(ColumnSampler.MaximumColumns, images * output.Height * output.Width)) > room) return;
            _layers.Add(_last = layers[i].Name, new(i, output));
        }
    }

    private void Evaluate(TrajectoryState state, CancellationToken cancellation)
    {
        var chosen = _layers.ToDictionary(layer => layer.Key, _ => new List<float>(), StringComparer.Ordinal);
        exact.EvaluateTo(_last, state.Step, InterpretedStep.Float32, state.X, state.Labels, (operation, run) =>
        {
            if (!_layers.TryGetValue(operation.Name, out Layer? layer)) return;
            int channels = layer.Output.Channels, pixels = layer.Output.Height * layer.Output.Width, elements = pixels * channels;
            if (_map.Length < run.Batch * elements) _map = new float[run.Batch * elements];
            exact.Interpreter.Read(run, layer.Output.Name, _map.AsSpan(0, run.Batch * elements));
            for (int image = 0; image < run.Batch; image++)
            {
                foreach (int pixel in choose(layer.Index, state.Step, state.FirstImage + exact.First + image, pixels))
                    chosen[operation.Name].AddRange(_map.AsSpan(image * elements + pixel * channels, channels));
            }
        }, cancellation);
        foreach (var (name, values) in chosen) _layers[name].States.Enqueue([.. values]);
    }
}
