using System.Globalization;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration;

/// <summary>What a calibration holds in memory, known before it starts, and how the layers' moments are spread over passes of FP32 trajectories so that a budget is kept.</summary>
internal sealed class MemoryPlan
{
    /// <param name="model">The model.</param>
    /// <param name="networks">It with integers, once for each bit width of weights.</param>
    /// <param name="options">Of the calibration.</param>
    /// <param name="secondOrder">Whether a rounding needs moments.</param>
    /// <param name="solvers">Solvers whose moments are held side by side, until they are added.</param>
    /// <exception cref="ArgumentException">The budget cannot be kept.</exception>
    public MemoryPlan(ImportedModel model, IReadOnlyCollection<QuantizedNetwork> networks, CalibrationOptions options, bool secondOrder, int solvers = 1)
    {
        QuantizedNetwork first = networks.First();
        var maps = model.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        ActivationSource[] sources = [.. first.Sources.Distinct()];
        long images = (long)WorkShares.Halves(options) * options.RangeTrajectories;
        Histograms = options.Evaluations * sources.Sum(source => BinCounts.Bytes(images * source.Elements(maps[source.Map])));
        // Other engines have their own form of the weights.
        Reference = Bytes((options.Engine is null or InterpreterEngine) ? model.StoredNetwork : model.Network, options);
        Statistics = QuantizationVariant.Measured(options).Length * WidthStatistics.Bytes(model.Channels, options);
        Noise = WorkingMemory.Program + Histograms + Statistics + Reference + networks.Sum(n => Bytes(n.Network, options));
        Layer[] layers = secondOrder ? [.. ActivationCollector.Rounded(model.Network, first, RoundingChoice.Gptq).Select(c => new Layer(c.Name, ActivationCollector.ColumnSize(c, maps), maps[c.Output].Channels))] : [];
        long fixedBytes = WorkingMemory.Program + Histograms + Reference + LargestMap(model.Network, ReferenceTrajectories.CapacityOf(model.Network, options));
        long largest = layers.Select(l => Held([l])).DefaultIfEmpty(0).Max();
        Parts = WorkingMemory.Program + Histograms + Statistics + ((ImportedNetwork?[])[model.Decoder, model.Text?.Network, options.ImageToImage ? model.Encoder : null]).Max(part => part is null ? 0 : Part(part, secondOrder));
        Sequential = options.Rounding != RoundingChoice.Sequential ? 0
            : Noise + ExactOutputs.Room + 3 * LargestMap(model.Network, ReferenceTrajectories.UnitImages) + layers.Select(l => l.Moments + Math.Max(OutputRegression.Bytes(l.Outputs, l.Size), l.Moments + l.Factors)).DefaultIfEmpty(0).Max();
        Least = Math.Max(Math.Max(Math.Max(Noise, Sequential), Parts), fixedBytes + largest);
        if (options.Memory > 0 && options.Memory < Least)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"Calibrating {model.Name} needs {Gigabytes(Least):F1} GB, more than the {options.Memory / 1e9:F1} GB that --memory allows. Give at least that{(fixedBytes + largest > Noise ? ", or round to nearest" : "")}."));
        }

        Layer[][] groups = [.. Group(layers, Held, options.Memory > 0 ? options.Memory - fixedBytes : long.MaxValue)];
        Groups = Array.ConvertAll(groups, group => Array.ConvertAll(group, layer => layer.Name));
        long moments = solvers * groups.Max(group => group.Sum(layer => layer.Moments));
        Peak = Math.Max(Least, fixedBytes + groups.Max(Held));
        // Rounded layers have a byte a weight and bit width, until the artefact is written; moments are written beside their former state, and what steps alone change is kept of two units. The spreads are in three files, of which one is written beside its former state.
        Disk = networks.Sum(n => WeightTensors.Of(n.Network, 0).Values.Sum(t => t.Elements)) + 2 * ((long)options.Evaluations * sources.Length * ActivationHistogram.FileBytes + Statistics + moments) + 4 * first.Sources.Select(s => s.Map).Distinct().Sum(map => ChannelSpread.Bytes(maps[map].Channels))
            + networks.Max(n => new WeightLayout(n.Network, options.Evaluations).TotalBytes)
            + KeptPredictions.Disk(model, options, solvers) + PartsPhase.Disk(model, options, secondOrder)
            + new[] { model.Decoder, (model.Text?.Network ?? model.Labels?.Network), options.ImageToImage ? model.Encoder : null }.OfType<ImportedNetwork>().Sum(part => new WeightLayout(part.Network, 0).TotalBytes);

        // The moments of a group are held while its layers are rounded, one after the other, with H and R of one; the FP32 network is gone by then.
        long Held(Layer[] group) => solvers * group.Sum(layer => layer.Moments) + Math.Max(0, group.Select(layer => layer.Factors).DefaultIfEmpty(0).Max() - Reference);
    }

    /// <summary>For a calibration with the default options, and as many steps.</summary>
    public static MemoryPlan Of(ImportedModel model) => Of(model, new());

    /// <summary>For a calibration that has not begun.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Of the calibration, with the evaluations of all solvers.</param>
    /// <param name="solvers">Solvers that the weights are for.</param>
    public static MemoryPlan Of(ImportedModel model, CalibrationOptions options, int solvers = 1) =>
        new(model, [.. QuantizationVariant.Measured(options).Select(v => v.WeightBits).Distinct().Select(bits => QuantizedNetwork.Of(model.Network, bits, options.Skip, options.AttentionBits))],
            options, options.Rounding != RoundingChoice.Nearest, solvers);

    /// <summary>Bytes in GB, rounded up to a tenth: what is said to be needed is enough where it is given.</summary>
    public static double Gigabytes(long bytes) => Math.Ceiling(bytes / 1e8) / 10;

    /// <summary>Bytes of the FP32 network with its maps.</summary>
    public long Reference { get; }

    /// <summary>Bytes of the histograms, which widen as values ask for it: of what values usually are.</summary>
    public long Histograms { get; }

    /// <summary>Bytes of the noise's sums, with their replicates, from when it is measured.</summary>
    public long Statistics { get; }

    /// <summary>Bytes while noise is measured: all networks at once.</summary>
    public long Noise { get; }

    /// <summary>Bytes while layers are rounded in sequence: FP32 and quantized network side by side, and one layer's sums; 0 where they are not.</summary>
    public long Sequential { get; }

    /// <summary>Bytes while the other networks of a pipeline are quantized, one after the other: the most of any.</summary>
    public long Parts { get; }

    /// <summary>The least that a budget may be.</summary>
    public long Least { get; }

    /// <summary>Bytes at most, with the groups that there are.</summary>
    public long Peak { get; }

    /// <summary>Bytes at most in the folder, checkpoints and artefact together.</summary>
    public long Disk { get; }

    /// <summary>Names of the layers whose moments are collected in one pass, in order; at least one group.</summary>
    public IReadOnlyList<string[]> Groups { get; }

    /// <summary>A part sees its inputs in FP32, with the moments of all its layers, and is then rounded layer by layer.</summary>
    private static long Part(ImportedNetwork part, bool secondOrder)
    {
        var maps = part.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        int capacity = Float32Sampler.Capacity(part.Network, ReferenceTrajectories.UnitImages);
        Layer[] layers = secondOrder ? [.. part.Network.Operations.OfType<ConvolutionOperation>().Select(c => new Layer(c.Name, ActivationCollector.ColumnSize(c, maps), maps[c.Output].Channels))] : [];
        long network = WorkingMemory.Of(part.StoredNetwork, capacity) + LargestMap(part.Network, capacity);
        return layers.Sum(l => l.Moments) + Math.Max(network, layers.Select(l => l.Factors).DefaultIfEmpty(0).Max());
    }

    /// <summary>The copy of a map that is looked at.</summary>
    private static long LargestMap(Network network, int capacity) => sizeof(float) * capacity * network.Maps.Max(m => m.Pixels * m.Channels);

    /// <summary>As many layers a group as keep the budget, in order; at least one.</summary>
    private static IEnumerable<Layer[]> Group(Layer[] layers, Func<Layer[], long> held, long budget)
    {
        int first = 0;
        for (int end = 1; end < layers.Length; end++)
        {
            if (held(layers[first..(end + 1)]) <= budget) continue;
            yield return layers[first..end];
            first = end;
        }

        yield return layers[first..];
    }

    private static long Bytes(Network network, CalibrationOptions options) => WorkingMemory.Of(network, ReferenceTrajectories.CapacityOf(network, options), options.Evaluations);

    /// <summary>A layer that is rounded with its inputs' moments.</summary>
    private sealed record Layer(string Name, int Size, int Outputs)
    {
        /// <summary>Bytes of its inputs' moments.</summary>
        public long Moments { get; } = ColumnMoments.Bytes(Size);

        /// <summary>Bytes of H and R.</summary>
        public long Factors { get; } = DampedHessian.Bytes(ColumnMoments.Sizes(Size));
    }
}
