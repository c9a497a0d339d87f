using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Collects, along FP32 trajectories, what quantization needs: per step and source a histogram, per convolution the moments of its input columns.</summary>
internal sealed class ActivationCollector
{
    private readonly Network _network;
    private readonly Dictionary<string, Map> _shapes;
    private readonly string[] _maps;
    private readonly Dictionary<string, int> _index;
    private readonly ActivationSource[] _sources;
    private readonly ActivationHistogram[][] _histograms; // [step][source]
    private readonly Layer[] _layers;
    private readonly ColumnSampler _sampler;
    private readonly long _trajectories;
    private readonly int _threads;
    private readonly float[]?[] _copies;
    private readonly int _halves;

    private sealed record Layer(string Name, int Map, ColumnShape Shape)
    {
        /// <summary>Set when the scale of the inputs is known.</summary>
        public InputMoments? Moments { get; set; }
    }

    /// <param name="reference">The FP32 network.</param>
    /// <param name="quantized">What will be quantized.</param>
    /// <param name="options">Of the calibration.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    public ActivationCollector(Network reference, QuantizedNetwork quantized, CalibrationOptions options, int threads)
    {
        (_network, _threads, _trajectories) = (reference, threads, options.RangeTrajectories);
        _halves = options.Guided ? 2 : 1;
        _sources = [.. quantized.Sources.Distinct()];
        _maps = [.. _sources.Select(s => s.Map).Distinct()];
        _index = _maps.Select((name, i) => (name, i)).ToDictionary(p => p.name, p => p.i, StringComparer.Ordinal);
        _copies = new float[_maps.Length][];
        _histograms = [.. Enumerable.Range(0, options.Evaluations).Select(_ => _sources.Select(_ => new ActivationHistogram()).ToArray())];
        _sampler = new(options.Seed, options.Evaluations, options.RangeTrajectories * (long)_halves);
        _shapes = reference.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        HashSet<string> rounded = [.. quantized.Network.Operations.OfType<ConvolutionOperation>().Where(o => o.WeightBits != 32).Select(o => o.Name)];
        _layers = options.Rounding == RoundingChoice.Nearest ? [] :
            [.. reference.Operations.OfType<ConvolutionOperation>().Where(o => rounded.Contains(o.Name)).Select(o =>
            {
                Map from = _shapes[o.Input], to = _shapes[o.Output];
                var shape = new ColumnShape(from.Height, from.Width, from.Channels, to.Height, to.Width, o.KernelSize, o.Stride, o.PaddingTop, o.PaddingLeft, o.Upsample);
                return new Layer(o.Name, _index[o.Input], shape);
            })];
    }

    /// <summary>Input moments of a convolution; null when it is rounded to nearest.</summary>
    public InputMoments? Moments(string convolution) => Array.Find(_layers, l => l.Name == convolution)?.Moments;

    /// <summary>What a source held at a step.</summary>
    public ActivationHistogram Histogram(int step, ActivationSource source) => _histograms[step][Array.IndexOf(_sources, source)];

    /// <summary>Fixes the scale of each convolution's inputs, from the first unit's largest ones with one bit to spare; before anything is observed. Every part of a
    /// calibration that is split finds the same scales.</summary>
    /// <param name="reference">FP32 trajectories.</param>
    /// <param name="visit">Told after each step.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public void FixScales(ReferenceTrajectories reference, Action<TrajectoryState> visit, CancellationToken cancellation) => FixScales(look =>
    {
        foreach (TrajectoryState state in reference.Run(0, look, cancellation)) visit(state);
    });

    /// <summary>The same for a network without trajectories.</summary>
    /// <param name="first">Evaluates the first unit under an observer.</param>
    public void FixScales(Action<ReferenceObserver> first)
    {
        if (_layers.Length == 0) return;
        var largest = new float[_maps.Length];
        first(Look);
        foreach (Layer layer in _layers) layer.Moments = new(layer.Shape.Size, 2 * largest[layer.Map]);

        void Look(int step, long firstImage, bool unconditional, Operation operation, IReferenceMaps maps) => Read(operation, maps, map =>
        {
            foreach (float value in _copies[map]!) largest[map] = Math.Max(largest[map], Math.Abs(value));
        });
    }

    /// <summary>An observer of the reference trajectories.</summary>
    public void Observe(int step, long firstImage, bool unconditional, Operation operation, IReferenceMaps maps)
    {
        Read(operation, maps, _ => { });
        if (operation == _network.Operations[^1]) Collect(step, firstImage + (unconditional ? _trajectories : 0));
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        foreach (ActivationHistogram[] step in _histograms)
        {
            foreach (ActivationHistogram histogram in step) histogram.Write(writer);
        }

        foreach (Layer layer in _layers) layer.Moments!.Write(writer);
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote for the same network and options.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="first">First unit that it is of.</param>
    /// <param name="end">Unit after the last.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void Read(BinaryReader reader, int first, int end)
    {
        long images = _halves * (Images(end) - Images(first));
        foreach (ActivationHistogram[] step in _histograms)
        {
            for (int m = 0; m < step.Length; m++) step[m] = ActivationHistogram.Read(reader, images * Elements(_sources[m]));
        }

        foreach (Layer layer in _layers) layer.Moments = InputMoments.Read(reader, layer.Shape.Size);

        long Images(int unit) => Math.Min((long)unit * ReferenceTrajectories.UnitImages, _trajectories);
    }

    /// <summary>Adds what another collector of the same network, options and scales has observed.</summary>
    public void Merge(ActivationCollector other)
    {
        for (int step = 0; step < _histograms.Length; step++)
        {
            for (int s = 0; s < _sources.Length; s++) _histograms[step][s].Merge(other._histograms[step][s]);
        }

        for (int l = 0; l < _layers.Length; l++) _layers[l].Moments!.Merge(other._layers[l].Moments!);
    }

    private int Elements(string map) => _shapes[map].Height * _shapes[map].Width * _shapes[map].Channels;

    private long Elements(ActivationSource source)
    {
        Map map = _shapes[source.Map];
        return (long)map.Height * map.Width * source.Channels.GetOffsetAndLength(map.Channels).Length;
    }

    /// <summary>Copies what an operation has written, and what it read from outside.</summary>
    private void Read(Operation operation, IReferenceMaps maps, Action<int> copied)
    {
        foreach (string input in operation.Inputs().Where(i => i == _network.Latent || _network.Inputs.Contains(i))) Copy(input, maps, copied);
        foreach (string output in operation.Outputs()) Copy(output, maps, copied);
    }

    private void Copy(string map, IReferenceMaps maps, Action<int> copied)
    {
        if (!_index.TryGetValue(map, out int index)) return;
        int elements = maps.Images * Elements(map);
        if (_copies[index]?.Length != elements) _copies[index] = new float[elements];
        maps.Read(map, _copies[index]);
        // In the order of execution, so that the message names the first map that went wrong.
        ActivationHistogram.RequireFinite(_copies[index], map);
        copied(index);
    }

    private void Collect(int step, long firstImage)
    {
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = _threads };
        Parallel.For(0, _sources.Length, parallel, s =>
        {
            ActivationSource source = _sources[s];
            _histograms[step][s].Add(source.Of(_copies[_index[source.Map]]!, _shapes[source.Map].Channels), source.ToString());
        });
        // One layer after the other within a thread; the columns of a layer always come in the order of steps, images and pixels.
        Parallel.For(0, _layers.Length, parallel, l =>
        {
            Layer layer = _layers[l];
            float[] copy = _copies[layer.Map]!;
            int elements = Elements(_maps[layer.Map]);
            var column = new float[layer.Shape.Size];
            for (int image = 0; image < copy.Length / elements; image++)
            {
                foreach (int pixel in _sampler.Choose(l, step, firstImage + image, layer.Shape.OutputHeight * layer.Shape.OutputWidth))
                {
                    layer.Shape.Gather(copy.AsSpan(image * elements, elements), pixel, column);
                    layer.Moments!.Add(column);
                }
            }
        });
    }
}
