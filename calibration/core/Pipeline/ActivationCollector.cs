using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Collects, along FP32 trajectories, what quantization needs: per step and source a histogram, per convolution the moments of its input columns.
/// A map is consumed when it has been computed, so that no more than one is held.</summary>
internal sealed class ActivationCollector
{
    // Below it other threads cost more than they save.
    private const int WorthThreads = 1 << 15;

    private readonly Network _network;
    private readonly Dictionary<string, Map> _shapes;
    private readonly ActivationSource[] _sources;
    private readonly ActivationHistogram[][] _histograms; // [step][source]
    private readonly Layer[] _layers;
    private readonly ColumnSampler _sampler;
    private readonly long _trajectories;
    private readonly int _threads;
    private readonly int _halves, _roundedHalves;
    // Per map that is looked at: what of it is counted, and which layers' columns lie in it.
    private readonly Dictionary<string, (int[] Sources, Layer[] Layers)> _readers;
    // Maps that are given from outside, with the name of the operation that is the first to read them.
    private readonly Dictionary<string, string> _given;
    // Of all maps that are quantized, and of all layers' inputs in any group.
    private readonly SortedDictionary<string, ChannelSpread> _spreads = new(StringComparer.Ordinal);
    private bool _isSpread;
    private float[] _copy = [];

    private sealed record Layer(string Name, int Index, string Map, ColumnShape Shape)
    {
        /// <summary>Most columns that its moments are made of.</summary>
        public int Columns { get; } = ColumnSampler.Most(Shape.Size);

        /// <summary>Set when the scale of the inputs is known.</summary>
        public ColumnMoments? Moments { get; set; }
    }

    /// <param name="reference">The FP32 network.</param>
    /// <param name="quantized">What will be quantized.</param>
    /// <param name="options">Of the calibration.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <param name="layers">Convolutions whose moments are kept; null for all that are rounded.</param>
    /// <param name="histograms">Whether histograms are kept.</param>
    public ActivationCollector(Network reference, QuantizedNetwork quantized, CalibrationOptions options, int threads, IReadOnlyCollection<string>? layers = null, bool histograms = true)
    {
        (_network, _threads, _trajectories) = (reference, threads, options.RangeTrajectories);
        _halves = options.Guided ? 2 : 1;
        _roundedHalves = options.Guidance == 1 ? 1 : 2;
        _sources = histograms ? [.. quantized.Sources.Distinct()] : [];
        _histograms = [.. Enumerable.Range(0, options.Evaluations).Select(_ => _sources.Select(_ => new ActivationHistogram()).ToArray())];
        _sampler = new(options.Seed, options.Evaluations, options.RangeTrajectories * (long)_roundedHalves);
        _shapes = reference.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        // A layer's number chooses its columns: the same in any group.
        _layers = [.. Rounded(reference, quantized, options.Rounding).Select((o, i) => new Layer(o.Name, i, o.Input, ShapeOf(o, _shapes))).Where(l => layers is null || layers.Contains(l.Name))];
        _readers = _sources.Select(s => s.Map).Concat(_layers.Select(l => l.Map)).Distinct(StringComparer.Ordinal).ToDictionary(map => map,
            map => (Enumerable.Range(0, _sources.Length).Where(s => _sources[s].Map == map).ToArray(), _layers.Where(l => l.Map == map).ToArray()), StringComparer.Ordinal);
        _given = reference.AllInputs().Select(input => (Input: input, Reader: reference.Operations.FirstOrDefault(o => o.Inputs().Contains(input))))
            .Where(p => p.Reader is not null).ToDictionary(p => p.Input, p => p.Reader!.Name, StringComparer.Ordinal);
        foreach (string map in quantized.Sources.Select(s => s.Map).Distinct()) _spreads[map] = new(_shapes[map].Channels);
    }

    /// <summary>Names of the layers whose moments are kept, in order.</summary>
    public IEnumerable<string> Layers => _layers.Select(l => l.Name);

    /// <summary>The convolutions whose input moments a rounding needs.</summary>
    /// <param name="reference">The FP32 network.</param>
    /// <param name="quantized">What will be quantized.</param>
    /// <param name="rounding">How.</param>
    public static IEnumerable<ConvolutionOperation> Rounded(Network reference, QuantizedNetwork quantized, RoundingChoice rounding)
    {
        if (rounding == RoundingChoice.Nearest) return [];
        HashSet<string> rounded = [.. quantized.Network.Operations.OfType<ConvolutionOperation>().Where(o => o.IsInteger).Select(o => o.Name)];
        return reference.Operations.OfType<ConvolutionOperation>().Where(o => rounded.Contains(o.Name));
    }

    /// <summary>Input moments of a convolution; null when it is rounded to nearest.</summary>
    public ColumnMoments? Moments(string convolution) => Array.Find(_layers, l => l.Name == convolution)?.Moments;

    /// <summary>Forgets all moments: the layers are rounded.</summary>
    public void ForgetMoments()
    {
        foreach (Layer layer in _layers) layer.Moments = null;
    }

    /// <summary>What a source held at a step.</summary>
    public ActivationHistogram Histogram(int step, ActivationSource source) => _histograms[step][Array.IndexOf(_sources, source)];

    /// <summary>An observer that sees the spreads alone.</summary>
    public void See(int step, long firstImage, bool unconditional, Operation operation, IReferenceMaps maps) =>
        Read(operation, maps, _spreads.ContainsKey, (map, values) => _spreads[map].Add(values.Span));

    /// <summary>Channels over the first unit, of every map that is quantized: what scales are fixed from, for further collectors of the same calibration, too.</summary>
    public IReadOnlyDictionary<string, ChannelSpread> Spreads => _spreads;

    /// <summary>Fixes the scale of each convolution's inputs, from the first unit's largest ones with one bit to spare; before anything is observed. Every collector of a calibration has the same.</summary>
    /// <param name="spreads">The <see cref="Spreads"/> that they go by.</param>
    public void TakeScales(IReadOnlyDictionary<string, ChannelSpread> spreads)
    {
        foreach (var (map, spread) in spreads) _spreads[map] = spread;
        foreach (Layer layer in _layers) layer.Moments = new(layer.Shape.Size, 2 * _spreads[layer.Map].Largest);
        _isSpread = true;
    }

    /// <summary>An observer of the reference trajectories. Where no scales were fixed before, because no moments are kept, it sees the spreads of the first unit along the way.</summary>
    public void Observe(int step, long firstImage, bool unconditional, Operation operation, IReferenceMaps maps) =>
        Read(operation, maps, _readers.ContainsKey, (map, values) =>
        {
            if (!_isSpread && firstImage < ReferenceTrajectories.UnitImages) _spreads[map].Add(values.Span);
            Collect(step, firstImage + maps.First + (unconditional ? _trajectories : 0), map, values, rounded: !unconditional || _roundedHalves == 2);
        });

    /// <summary>Writes the channels over the first unit.</summary>
    public void WriteSpreads(BinaryWriter writer)
    {
        foreach (ChannelSpread spread in _spreads.Values) spread.Write(writer);
    }

    /// <summary>Reads what <see cref="WriteSpreads"/> wrote for the same network.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="images">Evaluations of an image that it is of, both halves of guided pairs.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void ReadSpreads(BinaryReader reader, long images)
    {
        foreach (string map in _spreads.Keys.ToArray()) _spreads[map] = ChannelSpread.Read(reader, _shapes[map].Channels, images * _shapes[map].Height * _shapes[map].Width);
    }

    /// <summary>Writes what every step changes: the moments. A column has products of all its elements, so that no sum stays as it was.</summary>
    public void Write(BinaryWriter writer)
    {
        writer.Write(string.Join('\n', Layers));
        foreach (Layer layer in _layers) layer.Moments!.Write(writer);
    }

    /// <summary>Writes a step's histograms.</summary>
    public void WriteStep(int step, BinaryWriter writer)
    {
        foreach (ActivationHistogram histogram in _histograms[step]) histogram.Write(writer);
    }

    /// <summary>Reads what <see cref="Write"/> wrote for the same network and options.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="fixedScales">Whether scales were fixed before anything was observed.</param>
    /// <param name="range">Units that it is of.</param>
    /// <param name="steps">First steps of the unit that follows, which it is of, too.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void Read(BinaryReader reader, bool fixedScales, UnitRange range, int steps) => Read(reader, fixedScales, Images(range.First), Images(range.End), Images(range.End + 1), steps);

    /// <summary>The same of so many images at all steps.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="fixedScales">Whether scales were fixed before anything was observed.</param>
    /// <param name="images">Images from the first on.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void Read(BinaryReader reader, bool fixedScales, long images) => Read(reader, fixedScales, 0, images, images, 0);

    private void Read(BinaryReader reader, bool fixedScales, long first, long end, long next, int steps)
    {
        if (!Checkpoint.HoldsText(reader, string.Join('\n', Layers))) throw new InvalidDataException(CheckpointSetAside.OtherLayers);
        foreach (Layer layer in _layers) layer.Moments = ColumnMoments.Read(reader, layer.Shape.Size, Columns(layer));
        _isSpread = fixedScales;

        long Columns(Layer layer)
        {
            int pixels = layer.Shape.OutputHeight * layer.Shape.OutputWidth, all = _histograms.Length;
            long count = 0;
            for (long half = 0; half < Math.Min(_halves, _roundedHalves); half++)
            {
                long before = half * _trajectories;
                count += _sampler.Count((before + first) * all, (before + end) * all, pixels, layer.Columns);
                for (long image = before + end; image < before + next; image++) count += _sampler.Count(image * all, image * all + steps, pixels, layer.Columns);
            }

            return count;
        }
    }

    private long Images(int unit) => Math.Min((long)unit * ReferenceTrajectories.UnitImages, _trajectories);

    /// <summary>Reads what <see cref="WriteStep"/> wrote.</summary>
    /// <param name="step">The step.</param>
    /// <param name="reader">Where it stands.</param>
    /// <param name="range">Units that it is of.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void ReadStep(int step, BinaryReader reader, UnitRange range) => ReadStep(step, reader, _halves * (Images(range.End) - Images(range.First)));

    /// <summary>The same after so many images.</summary>
    /// <param name="step">The step.</param>
    /// <param name="reader">Where it stands.</param>
    /// <param name="images">Both halves of guided pairs.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void ReadStep(int step, BinaryReader reader, long images)
    {
        for (int m = 0; m < _sources.Length; m++) _histograms[step][m] = ActivationHistogram.Read(reader, images * _sources[m].Elements(_shapes[_sources[m].Map]));
    }

    /// <summary>Adds what another collector of the same network, options and scales has observed.</summary>
    public void Merge(ActivationCollector other)
    {
        for (int step = 0; step < _histograms.Length; step++)
        {
            for (int s = 0; s < _sources.Length; s++) _histograms[step][s].Merge(other._histograms[step][s]);
        }

        MergeMoments(other);
    }

    /// <summary>Adds the input moments along another solver's trajectories, for weights that serve both; ranges stay each solver's own.</summary>
    public void MergeMoments(ActivationCollector other)
    {
        for (int l = 0; l < _layers.Length; l++) _layers[l].Moments!.Merge(other._layers[l].Moments!);
    }

    /// <summary>Adds where channels lay along another solver's trajectories.</summary>
    public void MergeSpreads(ActivationCollector other)
    {
        foreach (var (map, spread) in _spreads) spread.Merge(other._spreads[map]);
    }

    /// <summary>Length of a convolution's input columns.</summary>
    public static int ColumnSize(ConvolutionOperation convolution, IReadOnlyDictionary<string, Map> maps) => ShapeOf(convolution, maps).Size;

    private static ColumnShape ShapeOf(ConvolutionOperation o, IReadOnlyDictionary<string, Map> maps)
    {
        Map from = maps[o.Input], to = maps[o.Output];
        return new(from.Height, from.Width, from.Channels, to.Height, to.Width, o.KernelSize, o.Stride, o.PaddingTop, o.PaddingLeft, o.Upsample);
    }

    private int Elements(string map) => _shapes[map].Height * _shapes[map].Width * _shapes[map].Channels;

    /// <summary>Copies what an operation has written, and what it is the first to read from outside.</summary>
    private void Read(Operation operation, IReferenceMaps maps, Predicate<string> wanted, Action<string, Memory<float>> copied)
    {
        foreach (string map in operation.Inputs().Where(i => _given.GetValueOrDefault(i) == operation.Name).Distinct().Concat(operation.Outputs()))
        {
            if (!wanted(map)) continue;
            int elements = maps.Images * Elements(map);
            if (_copy.Length < elements) _copy = new float[elements];
            Memory<float> values = _copy.AsMemory(0, elements);
            maps.Read(map, values.Span);
            // In the order of execution, so that the message names the first map that went wrong.
            ActivationHistogram.Largest(values, map);
            copied(map, values);
        }
    }

    /// <param name="step">Index of the step.</param>
    /// <param name="firstImage">Index of the first image among all, halves of guided pairs apart.</param>
    /// <param name="map">What has been computed.</param>
    /// <param name="values">Its values.</param>
    /// <param name="rounded">Whether weights are rounded for it: at guidance 1 no image depends on the unconditional half, and its columns would only take the place of others.</param>
    private void Collect(int step, long firstImage, string map, Memory<float> values, bool rounded)
    {
        var (sources, layers) = _readers[map];
        foreach (int s in sources) Count(_histograms[step][s], _sources[s].Of(values, _shapes[map].Channels), _sources[s].ToString());
        int elements = Elements(map);
        foreach (Layer layer in rounded ? layers : [])
        {
            var column = new float[layer.Shape.Size];
            int threads = layer.Shape.Size < 64 ? 1 : _threads;
            for (int image = 0; image < values.Length / elements; image++)
            {
                foreach (int pixel in _sampler.Choose(layer.Index, step, firstImage + image, layer.Shape.OutputHeight * layer.Shape.OutputWidth, layer.Columns))
                {
                    layer.Shape.Gather(values.Span.Slice(image * elements, elements), pixel, column);
                    layer.Moments!.Add(column, threads);
                }
            }
        }
    }

    /// <summary>Counts on all threads: counts depend on the values alone.</summary>
    private void Count(ActivationHistogram histogram, Memory<float> values, string map)
    {
        int parts = Math.Min(_threads, values.Length / WorthThreads);
        if (parts < 2)
        {
            histogram.Add(values.Span, map);
            return;
        }

        var counted = new ActivationHistogram[parts];
        Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = _threads }, part =>
        {
            counted[part] = new();
            int from = (int)((long)values.Length * part / parts), to = (int)((long)values.Length * (part + 1) / parts);
            counted[part].Add(values.Span[from..to], map);
        });
        foreach (ActivationHistogram part in counted) histogram.Merge(part);
    }
}
