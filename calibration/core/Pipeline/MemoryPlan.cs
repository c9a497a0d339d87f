using System.Globalization;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration;

/// <summary>What a calibration holds in memory, known before it starts, and how the layers' moments are spread over passes of FP32 trajectories so that a budget is kept.</summary>
internal sealed class MemoryPlan
{
    // What the program itself takes, with its collector's slack.
    private const long Program = 512L << 20;
    private const int HistogramBytes = ActivationHistogram.Bins * sizeof(uint);

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
        Histograms = (long)options.Evaluations * first.Sources.Distinct().Count() * HistogramBytes;
        // Other engines have their own form of the weights.
        Reference = Bytes((options.Engine is null or InterpreterEngine) ? model.StoredNetwork : model.Network, options);
        Statistics = QuantizationVariant.Measured(options).Length * WidthStatistics.Bytes(model.Channels, options);
        Noise = Program + Histograms + Statistics + Reference + networks.Sum(n => Bytes(n.Network, options));
        (string Name, int Size, int Outputs)[] layers = secondOrder
            ? [.. ActivationCollector.Rounded(model.Network, first, RoundingChoice.Gptq).Select(c => (c.Name, ActivationCollector.ColumnSize(c, maps), maps[c.Output].Channels))] : [];
        // Rounding has moments, H and R of a layer, when the FP32 network is gone.
        long fixedBytes = Program + Histograms + Reference + LargestMap(model.Network, ReferenceTrajectories.CapacityOf(model.Network, options));
        long largest = layers.Select(l => Math.Max(solvers * ColumnMoments.Bytes(l.Size), Workspace(l.Size) - Reference)).DefaultIfEmpty(0).Max();
        Parts = Program + Histograms + Statistics + ((ImportedNetwork?[])[model.Decoder, model.Text?.Network, options.ImageToImage ? model.Encoder : null]).Max(part => part is null ? 0 : Part(part, secondOrder));
        Sequential = options.Rounding != RoundingChoice.Sequential ? 0
            : Noise + ExactOutputs.Room + 3 * LargestMap(model.Network, ReferenceTrajectories.UnitImages) + layers.Select(l => ColumnMoments.Bytes(l.Size) + Math.Max(OutputRegression.Bytes(l.Outputs, l.Size), Workspace(l.Size))).DefaultIfEmpty(0).Max();
        Least = Math.Max(Math.Max(Math.Max(Noise, Sequential), Parts), fixedBytes + largest);
        if (options.Memory > 0 && options.Memory < Least)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"Calibrating {model.Name} needs {Gigabytes(Least):F1} GB, more than the {options.Memory / 1e9:F1} GB that --memory allows. Give at least that{(fixedBytes + largest > Noise ? ", or round to nearest" : "")}."));
        }

        Groups = [.. Group([.. layers.Select(l => (l.Name, l.Size))], options.Memory > 0 ? (options.Memory - fixedBytes) / solvers : long.MaxValue)];
        var bytes = layers.ToDictionary(l => l.Name, l => ColumnMoments.Bytes(l.Size), StringComparer.Ordinal);
        long moments = solvers * Groups.Max(group => group.Sum(layer => bytes[layer]));
        Peak = Math.Max(Least, fixedBytes + moments);
        // Rounded layers have a byte a weight and bit width, until the artefact is written; moments are written beside their former state, and what steps alone change is kept of two units. The spreads are in three files, of which one is written beside its former state.
        Disk = networks.Sum(n => WeightTensors.Of(n.Network, 0).Values.Sum(t => t.Elements)) + 2 * (Histograms + Statistics + moments) + 4 * first.Sources.Select(s => s.Map).Distinct().Sum(map => ChannelSpread.Bytes(maps[map].Channels))
            + networks.Max(n => new WeightLayout(n.Network, options.Evaluations).TotalBytes)
            + KeptPredictions.Disk(model, options, solvers) + PartsPhase.Disk(model, options, secondOrder)
            + new[] { model.Decoder, (model.Text?.Network ?? model.Labels?.Network), options.ImageToImage ? model.Encoder : null }.OfType<ImportedNetwork>().Sum(part => new WeightLayout(part.Network, 0).TotalBytes);
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

    /// <summary>Bytes of the histograms.</summary>
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

    /// <summary>Bytes of a layer's H and R.</summary>
    private static long Workspace(int size) => 2L * sizeof(double) * ColumnMoments.Sizes(size).Sum(block => (long)block * block) + ColumnMoments.Bytes(size);

    /// <summary>A part sees its inputs in FP32, with the moments of all its layers, and is then rounded layer by layer.</summary>
    private static long Part(ImportedNetwork part, bool secondOrder)
    {
        var maps = part.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        int capacity = Float32Sampler.Capacity(part.Network, ReferenceTrajectories.UnitImages);
        int[] layers = secondOrder ? [.. part.Network.Operations.OfType<ConvolutionOperation>().Select(c => ActivationCollector.ColumnSize(c, maps))] : [];
        long network = new WeightLayout(part.StoredNetwork, 0).TotalBytes + new BufferPlan(part.Network).BytesPerImage * capacity + LargestMap(part.Network, capacity);
        return layers.Sum(ColumnMoments.Bytes) + Math.Max(network, layers.Select(Workspace).DefaultIfEmpty(0).Max());
    }

    /// <summary>The copy of a map that is looked at.</summary>
    private static long LargestMap(Network network, int capacity) => sizeof(float) * capacity * network.Maps.Max(m => m.Pixels * m.Channels);

    private static IEnumerable<string[]> Group((string Name, int Size)[] layers, long budget)
    {
        var group = new List<string>();
        long bytes = 0;
        foreach (var (name, size) in layers)
        {
            long own = ColumnMoments.Bytes(size);
            if (group.Count > 0 && bytes + own > budget)
            {
                yield return [.. group];
                (group, bytes) = ([], 0);
            }

            group.Add(name);
            bytes += own;
        }

        yield return [.. group];
    }

    private static long Bytes(Network network, CalibrationOptions options) =>
        new WeightLayout(network, options.Evaluations).TotalBytes + new BufferPlan(network).BytesPerImage * ReferenceTrajectories.CapacityOf(network, options);
}
