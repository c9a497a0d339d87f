using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration;

/// <summary>A part of a pipeline that knows no timestep: a decoder, an encoder, a text encoder.</summary>
/// <param name="Network">All of whose maps are FP32; its latent is what goes in, its epsilon what comes out.</param>
/// <param name="Tensors">By name, laid out as the operations say.</param>
internal sealed record ImportedNetwork(Network Network, DeferredTensors Tensors)
{
    /// <summary>By name, laid out as the operations say.</summary>
    public DeferredTensors Tensors
    {
        get;
        init => (field, Halves) = (value, new(value));
    } = Tensors;

    /// <summary>Which of the <see cref="Tensors"/> FP16 holds.</summary>
    public HalfStorage Halves { get; private init; } = new(Tensors);

    /// <summary>The coarsest floating-point type that its files store a weight in.</summary>
    public DType StoredType { get; init; } = DType.F32;

    /// <summary>The network as it is evaluated: weights that the files store in FP16 stay in it in memory, and every result has the same bits.</summary>
    public Network StoredNetwork => StoredType == DType.F16 ? Halves.Lossless(Network) : Network;

    /// <summary>SHA-256 of its weights file and of its configuration; empty where it came from no files.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>What its configuration says and nothing uses.</summary>
    public IReadOnlyList<IgnoredSetting> Ignored { get; init; } = [];

    /// <summary>Number of FP32 parameters.</summary>
    public long Parameters => WeightTensors.Of(Network, 0).Values.Sum(t => t.Elements);

    /// <summary>The map that comes out.</summary>
    public Map Output => Network.Maps.Single(m => m.Name == Network.Epsilon);

    /// <summary>Numbers that go in for each image.</summary>
    public int InputElements => Elements(Network.AllInputs());

    /// <summary>Numbers that come out for each image.</summary>
    public int OutputElements => Elements(Network.AllOutputs());

    /// <summary>The network ready to run.</summary>
    /// <param name="device">Stays the caller's.</param>
    /// <param name="capacity">Inputs evaluated at once.</param>
    public NetworkEvaluator Evaluator(Device device, int capacity) =>
        new(StoredNetwork, 0, (name, length) => HalfStorage.Bytes(Tensors[name], length), device, capacity);

    /// <summary>All that comes out, for all images.</summary>
    /// <param name="evaluator">Of <see cref="Evaluator"/>.</param>
    /// <param name="inputs">What each image's inputs hold, NHWC, one after the other.</param>
    /// <param name="cancellation">Acts within the evaluation.</param>
    public float[] Evaluate(NetworkEvaluator evaluator, float[] inputs, CancellationToken cancellation = default) =>
        evaluator.Evaluate(InterpretedStep.Float32, inputs, null, cancellation);

    private int Elements(IEnumerable<string> maps) => maps.Sum(name => Network.Maps.Single(m => m.Name == name) is var m ? (int)(m.Pixels * m.Channels) : 0);
}
