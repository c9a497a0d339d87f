using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration;

/// <summary>A part of a pipeline with integer convolutions, all of 8 bits, and one range for each activation.</summary>
/// <param name="Quantized">The network.</param>
/// <param name="Tensors">Its tensors.</param>
/// <param name="Ranges">One a slot.</param>
/// <param name="Rounded">Weights in floating point that were rounded to FP16.</param>
internal sealed record QuantizedPart(QuantizedNetwork Quantized, QuantizedTensors Tensors, ActivationRange[] Ranges, int Rounded = 0)
{
    /// <summary>The convolutions with integers.</summary>
    public IEnumerable<ConvolutionOperation> Integers => Quantized.Network.Operations.OfType<ConvolutionOperation>().Where(o => o.IsInteger);

    /// <summary>Weights in floating point that are stored in FP16.</summary>
    public int Halves => Quantized.Network.Operations.Count(HalfStorage.IsHalf);

    /// <summary>All that comes out for each image.</summary>
    /// <param name="inputs">What each image's inputs hold, NHWC, one after the other.</param>
    /// <param name="device">Stays the caller's.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    public float[] Evaluate(float[] inputs, Device device, CancellationToken cancellation)
    {
        using var evaluator = new NetworkEvaluator(Quantized.Network, 0, Tensors.Bytes, device, Float32Sampler.Capacity(Quantized.Network, ReferenceTrajectories.UnitImages));
        return evaluator.Evaluate(new() { Quantizations = CalibrationRun.Quantizations(Ranges) }, inputs, null, cancellation);
    }
}

/// <summary>Turns a network that knows no timestep to 8-bit integers: what it sees is collected once, then any choice of convolutions can be tried.</summary>
internal sealed class PartQuantizer
{
    private const int Bits = 8, Levels = 255;

    private readonly ImportedNetwork _network;
    private readonly ActivationCollector _activations;
    private readonly CalibrationContext _context;
    private readonly RoundedLayers _rounded;

    /// <param name="name">Of the part.</param>
    /// <param name="network">In FP32.</param>
    /// <param name="inputs">What it sees: each image's inputs, NHWC, one after the other.</param>
    /// <param name="context">Of the calibration.</param>
    /// <param name="checkpoint">Keeps what was seen, and the rounded layers.</param>
    public PartQuantizer(string name, ImportedNetwork network, float[] inputs, CalibrationContext context, Checkpoint checkpoint)
    {
        (Name, _network, _context) = (name, network, context);
        int elements = network.InputElements, count = inputs.Length / elements;
        _activations = new UnitPhase<ActivationCollector>(File(name, "activations"), 1, context, null, checkpoint)
        {
            Create = New,
            Begin = (activations, done) =>
            {
                if (done > 0) context.Resume(name, (Beginning(count) + count) * Seeing(context, network));
                else activations.TakeScales(Scales());
            },
            Collect = (activations, _, _, keep) =>
            {
                Visit(count, activations.Observe);
                keep(1);
            },
            Write = (activations, writer) =>
            {
                activations.WriteSpreads(writer);
                activations.Write(writer);
                activations.WriteStep(0, writer);
            },
            Read = (activations, reader, range, _) =>
            {
                activations.ReadSpreads(reader, Beginning(count));
                activations.Read(reader, fixedScales: true, range.End * (long)count);
                activations.ReadStep(0, reader, range.End * (long)count);
            },
            Merge = (activations, following) => activations.Merge(following),
        }.Run();
        _rounded = checkpoint.Rounded(File(name, "rounded"), RoundedLayers.Sizes(network.Network));

        ActivationCollector New() => new(network.Network, QuantizedNetwork.Of(network.Network, Bits, []),
            context.Options with { Steps = 1, Trajectories = count, Guidance = 1, GuidanceMinimum = 1, GuidanceMaximum = 1 }, context.Threads);

        IReadOnlyDictionary<string, ChannelSpread> Scales() => new UnitPhase<ActivationCollector>(File(name, "scales"), 1, context, null, checkpoint)
        {
            Create = New,
            Begin = (_, done) =>
            {
                if (done > 0) context.Resume(name, Beginning(count) * Seeing(context, network));
            },
            Collect = (scales, _, _, keep) =>
            {
                Visit(Beginning(count), scales.See);
                keep(1);
            },
            Write = (scales, writer) => scales.WriteSpreads(writer),
            Read = (scales, reader, range, _) => scales.ReadSpreads(reader, range.End * (long)Beginning(count)),
            Merge = (_, _) => throw new InvalidOperationException("There is one unit."),
        }.Run().Spreads;

        void Visit(int images, ReferenceObserver observer)
        {
            using NetworkEvaluator evaluator = network.Evaluator(context.Device, Float32Sampler.Capacity(network.Network, ReferenceTrajectories.UnitImages));
            for (int first = 0; first < images; first += evaluator.Capacity)
            {
                int batch = Math.Min(evaluator.Capacity, images - first), start = first;
                evaluator.Evaluate(InterpretedStep.Float32, inputs.AsSpan(first * elements, batch * elements),
                    (operation, run) => observer(0, start, false, operation, new Maps(evaluator.Interpreter, run)), context.Cancellation);
                context.Report(name, batch * Seeing(context, network));
            }
        }
    }

    /// <summary>Of the part.</summary>
    public string Name { get; }

    /// <summary>Work of collecting what a part sees.</summary>
    /// <param name="context">Of the calibration.</param>
    /// <param name="network">The part.</param>
    /// <param name="inputs">How many it sees.</param>
    public static double Work(CalibrationContext context, ImportedNetwork network, int inputs) => (Beginning(inputs) + inputs) * Seeing(context, network);

    /// <summary>Bytes of its checkpoints at most.</summary>
    /// <param name="network">The part.</param>
    /// <param name="secondOrder">Whether the moments of its layers are collected.</param>
    public static long Disk(ImportedNetwork network, bool secondOrder)
    {
        var maps = network.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        QuantizedNetwork quantized = QuantizedNetwork.Of(network.Network, Bits, []);
        long moments = secondOrder ? network.Network.Operations.OfType<ConvolutionOperation>().Sum(c => ColumnMoments.Bytes(ActivationCollector.ColumnSize(c, maps))) : 0;
        long spreads = quantized.Sources.Select(s => s.Map).Distinct().Sum(map => ChannelSpread.Bytes(maps[map].Channels));
        return WeightTensors.Of(quantized.Network, 0).Values.Sum(t => t.Elements) + 2 * (moments + spreads + (long)quantized.Sources.Distinct().Count() * ActivationHistogram.FileBytes) + spreads;
    }

    /// <summary>Name of a checkpoint.</summary>
    /// <param name="part">Whose.</param>
    /// <param name="content">What it holds.</param>
    public static string File(string part, string content) => $"{part.Replace(' ', '-')}.{content}";

    /// <summary>All convolutions, in the order in which they run.</summary>
    public IReadOnlyList<string> Convolutions => [.. _network.Network.Operations.OfType<ConvolutionOperation>().Select(o => o.Name)];

    /// <summary>The network with integers.</summary>
    /// <param name="skip">Convolutions to leave in floating point.</param>
    /// <param name="round">Whether what is left there is rounded to FP16, or stored in it only where that loses nothing.</param>
    public QuantizedPart Quantize(IReadOnlyCollection<string> skip, bool round = true)
    {
        QuantizedNetwork whole = QuantizedNetwork.Of(_network.Network, Bits, skip), quantized = whole.Store(_network.Halves, round);
        int rounded = quantized.Network.Operations.Count(HalfStorage.IsHalf) - _network.Halves.Lossless(whole.Network).Operations.Count(HalfStorage.IsHalf);
        bool secondOrder = _activations.Layers.Any();
        foreach (ConvolutionOperation c in QuantizedTensors.Integers(quantized.Network))
        {
            _context.Cancellation.ThrowIfCancellationRequested();
            if (_rounded.Has(c.Name, c.WeightBits, secondOrder)) continue;
            _context.Report($"rounding {c.Name}, {c.WeightBits} bits", 0);
            _rounded.Round(_network.Tensors, c, secondOrder ? DampedHessian.Of(_activations.Moments(c.Name)!.Blocks, _context.Threads) : null, _context.Threads);
        }

        return new(quantized, new(_network.Tensors, 0, quantized.Network, _rounded, secondOrder),
            [.. quantized.Sources.Select(source => ActivationSearch.Minimize(_activations.Histogram(0, source), Levels))], rounded);
    }

    /// <summary>Inputs that scales are fixed from.</summary>
    private static int Beginning(int inputs) => Math.Min(inputs, ReferenceTrajectories.UnitImages);

    private static double Seeing(CalibrationContext context, ImportedNetwork network) => WorkShares.Observed * context.WorkOf(network);

    private sealed class Maps(NetworkInterpreter interpreter, Execution run) : IReferenceMaps
    {
        public int First => 0;

        public int Images => run.Batch;

        public void Read(string map, Span<float> destination) => interpreter.Read(run, map, destination);
    }
}
