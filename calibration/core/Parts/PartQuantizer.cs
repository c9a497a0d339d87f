using Specializer.Manifest;

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
    private readonly RoundedLayers _rounded = new();
    private readonly HalfStorage _halves;

    /// <param name="network">In FP32.</param>
    /// <param name="inputs">What it sees: each image's inputs, NHWC, one after the other.</param>
    /// <param name="context">Of the calibration.</param>
    public PartQuantizer(ImportedNetwork network, float[] inputs, CalibrationContext context)
    {
        (_network, _context, _halves) = (network, context, new(network.Tensors));
        using NetworkEvaluator evaluator = network.Evaluator(context.Device, Float32Sampler.Capacity(network.Network, ReferenceTrajectories.UnitImages));
        int elements = evaluator.InputElements, count = inputs.Length / elements;
        _activations = new(network.Network, QuantizedNetwork.Of(network.Network, Bits, []),
            context.Options with { Steps = 1, Trajectories = count, Guidance = 1, GuidanceMinimum = 1, GuidanceMaximum = 1 }, context.Threads);
        _activations.FixScales(observer => Visit(Math.Min(count, ReferenceTrajectories.UnitImages), observer));
        Visit(count, _activations.Observe);

        void Visit(int images, ReferenceObserver observer)
        {
            for (int first = 0; first < images; first += evaluator.Capacity)
            {
                int batch = Math.Min(evaluator.Capacity, images - first), start = first;
                evaluator.Evaluate(InterpretedStep.Float32, inputs.AsSpan(first * elements, batch * elements),
                    (operation, run) => observer(0, start, false, operation, new Maps(evaluator.Interpreter, run)), context.Cancellation);
            }
        }
    }

    /// <summary>All convolutions, in the order in which they run.</summary>
    public IReadOnlyList<string> Convolutions => [.. _network.Network.Operations.OfType<ConvolutionOperation>().Select(o => o.Name)];

    /// <summary>The network with integers.</summary>
    /// <param name="skip">Convolutions to leave in floating point.</param>
    /// <param name="round">Whether what is left there is rounded to FP16, or stored in it only where that loses nothing.</param>
    public QuantizedPart Quantize(IReadOnlyCollection<string> skip, bool round = true)
    {
        QuantizedNetwork whole = QuantizedNetwork.Of(_network.Network, Bits, skip), quantized = whole.Store(_halves, round);
        int rounded = quantized.Network.Operations.Count(HalfStorage.IsHalf) - _halves.Lossless(whole.Network).Operations.Count(HalfStorage.IsHalf);
        bool secondOrder = _activations.Layers.Any();
        foreach (ConvolutionOperation c in QuantizedTensors.Integers(quantized.Network))
        {
            _context.Cancellation.ThrowIfCancellationRequested();
            _rounded.Round(_network.Tensors, c, secondOrder ? _activations.Moments(c.Name) : null, _context.Threads);
        }

        return new(quantized, new(_network.Tensors, 0, quantized.Network, _rounded, secondOrder),
            [.. quantized.Sources.Select(source => ActivationSearch.Minimize(_activations.Histogram(0, source), Levels))], rounded);
    }

    private sealed class Maps(NetworkInterpreter interpreter, Execution run) : IReferenceMaps
    {
        public int First => 0;

        public int Images => run.Batch;

        public void Read(string map, Span<float> destination) => interpreter.Read(run, map, destination);
    }
}
