using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A part of a pipeline with integer convolutions, all of 8 bits, and one range for each activation.</summary>
/// <param name="Quantized">The network.</param>
/// <param name="Tensors">Its tensors.</param>
/// <param name="Ranges">One a slot.</param>
internal sealed record QuantizedPart(QuantizedNetwork Quantized, QuantizedTensors Tensors, ActivationRange[] Ranges)
{
    /// <summary>The convolutions with integers.</summary>
    public IEnumerable<ConvolutionOperation> Integers => Quantized.Network.Operations.OfType<ConvolutionOperation>().Where(o => o.WeightBits != 32);

    /// <summary>What comes out for each input.</summary>
    /// <param name="inputs">NHWC, one after the other.</param>
    /// <param name="device">Stays the caller's.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    public float[] Evaluate(float[] inputs, Device device, CancellationToken cancellation)
    {
        using var evaluator = new NetworkEvaluator(Quantized.Network, 0, Tensors.Bytes, device, Float32Sampler.Capacity(Quantized.Network, ReferenceTrajectories.UnitImages));
        var outputs = new float[inputs.Length / evaluator.Interpreter.LatentElements * evaluator.Interpreter.Elements(Quantized.Network.Epsilon)];
        evaluator.Evaluate(0, new() { Quantizations = CalibrationRun.Quantizations(Ranges) }, inputs, [], outputs, null, cancellation);
        return outputs;
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

    /// <param name="network">In FP32.</param>
    /// <param name="inputs">What it sees, NHWC, one after the other.</param>
    /// <param name="context">Of the calibration.</param>
    public PartQuantizer(ImportedNetwork network, float[] inputs, CalibrationContext context)
    {
        (_network, _context) = (network, context);
        using NetworkEvaluator evaluator = network.Evaluator(context.Device, Float32Sampler.Capacity(network.Network, ReferenceTrajectories.UnitImages));
        int elements = evaluator.Interpreter.LatentElements, count = inputs.Length / elements;
        _activations = new(network.Network, QuantizedNetwork.Of(network.Network, Bits, []),
            context.Options with { Steps = 1, Trajectories = count, Guidance = 1, GuidanceMinimum = 1, GuidanceMaximum = 1 }, context.Threads);
        _activations.FixScales(observer => Visit(Math.Min(count, ReferenceTrajectories.UnitImages), observer));
        Visit(count, _activations.Observe);

        void Visit(int images, ReferenceObserver observer)
        {
            var output = new float[evaluator.Capacity * evaluator.Interpreter.Elements(network.Network.Epsilon)];
            for (int first = 0; first < images; first += evaluator.Capacity)
            {
                int batch = Math.Min(evaluator.Capacity, images - first), start = first;
                evaluator.Evaluate(0, InterpretedStep.Float32, inputs.AsSpan(first * elements, batch * elements), [], output.AsSpan(0, output.Length / evaluator.Capacity * batch),
                    (operation, run) => observer(0, start, false, operation, new Maps(evaluator.Interpreter, run)), context.Cancellation);
            }
        }
    }

    /// <summary>All convolutions, in the order in which they run.</summary>
    public IReadOnlyList<string> Convolutions => [.. _network.Network.Operations.OfType<ConvolutionOperation>().Select(o => o.Name)];

    /// <summary>The network with integers.</summary>
    /// <param name="skip">Convolutions to leave in FP32.</param>
    public QuantizedPart Quantize(IReadOnlyCollection<string> skip)
    {
        var quantized = QuantizedNetwork.Of(_network.Network, Bits, skip);
        bool secondOrder = _activations.Layers.Any();
        foreach (ConvolutionOperation c in QuantizedTensors.Integers(quantized.Network))
        {
            _context.Cancellation.ThrowIfCancellationRequested();
            _rounded.Round(_network.Tensors, c, secondOrder ? _activations.Moments(c.Name) : null, _context.Threads);
        }

        return new(quantized, new(_network.Tensors, 0, quantized.Network, _rounded, secondOrder),
            [.. quantized.Sources.Select(source => ActivationSearch.Minimize(_activations.Histogram(0, source), Levels))]);
    }

    private sealed class Maps(NetworkInterpreter interpreter, Execution run) : IReferenceMaps
    {
        public int First => 0;

        public int Images => run.Batch;

        public void Read(string map, Span<float> destination) => interpreter.Read(run, map, destination);
    }
}
