using System.Runtime.InteropServices;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration;

/// <summary>Told after each operation; the operation's output, and its inputs apart from a residual, can be read then.</summary>
internal delegate void OperationObserver(Operation operation, Execution run);

/// <summary>One call on the execution, with everything but the step resolved.</summary>
internal delegate void Instruction(Execution run, InterpretedStep step);

/// <summary>Runs a network, FP32 or quantized, through the members that generated code calls. Everything is resolved in the constructor:
/// a run allocates nothing.</summary>
internal sealed partial class NetworkInterpreter : IOperationVisitor<Instruction>
{
    private readonly LinkedNetwork _linked;
    private readonly Dictionary<string, Map> _maps;
    private readonly QuantizationSlots _slots;
    private readonly Instruction[] _instructions;
    private readonly DynamicEmbedding _embedding;
    private readonly DynamicMap _latentShape;

    /// <param name="network">A sound network: from an importer, or from a manifest that was read without error.</param>
    /// <param name="steps">Rows of the embedding's table.</param>
    /// <param name="solver">What the sampler's solver needs of the memory; null for evaluating the network alone.</param>
    public NetworkInterpreter(Network network, int steps, SolverPlan? solver = null) : this(LinkedNetwork.Of(network), steps, solver)
    {
    }

    /// <param name="linked">Sound networks, of one manifest.</param>
    /// <param name="steps">Rows of the embedding's table.</param>
    /// <param name="solver">What the sampler's solver needs of the memory; null for evaluating the networks alone.</param>
    public NetworkInterpreter(LinkedNetwork linked, int steps, SolverPlan? solver = null)
    {
        _linked = linked;
        Network network = linked.Network;
        Network = network;
        Steps = steps;
        Plan = new(linked, solver);
        Layout = new(network, steps);
        _maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        _slots = linked.Slots;
        _instructions = [.. network.Operations.Select(o => o.Accept(this))];
        _embedding = new(network.Embedding.RowsFor(steps), network.Embedding.Width, network.Embedding.Classes, network.Embedding.Vectors);
        _latentShape = Shape(_maps[network.Latent]);
        Latent = Buffer(network.Latent);
        Epsilon = Buffer(network.Epsilon);
        State = solver is { ScalesInput: true } ? new(Plan[Register.State]) : Latent;
        Vectors = network.Embedding.Vectors == 0 ? default : new(Plan[BufferPlan.Vectors]);
    }

    /// <summary>Its operations stand in the order in which they run.</summary>
    public Network Network { get; }

    public int Steps { get; }

    public BufferPlan Plan { get; }

    public WeightLayout Layout { get; }

    public Activation Latent { get; }

    public Activation Epsilon { get; }

    /// <summary>What the network says of the variance; null where it says nothing.</summary>
    public Activation? Variance => _linked.Variance is { } variance ? Buffer(variance) : null;

    /// <summary>The solver's state: what the network reads, unless that is scaled.</summary>
    public Activation State { get; }

    public Activation Vectors { get; }

    /// <summary>Where the picture is in the end.</summary>
    public Activation Picture => Buffer(_linked.Picture);

    /// <summary>What a call gives, beside labels that the embedding takes.</summary>
    public IReadOnlyList<SamplerInput> Inputs => [.. _linked.Given.Select(Input)];

    /// <summary>What the decoder reads of the state at a time; null where it reads the whole.</summary>
    public SamplerInput? Tile => _linked.Tile is { } tile ? Input(tile) : null;

    /// <summary>Whether tiles are mixed where they overlap.</summary>
    public bool TilesBlend => _linked.TilesBlend;

    /// <summary>Where a file lies among the packed weights; null for none.</summary>
    public PackedText? Text(string name) => Network.Texts.FirstOrDefault(t => t.Name == name) is { } text ? new(Layout[name], text.Bytes) : null;

    /// <summary>The whole picture.</summary>
    public Map PictureMap => _linked.PictureMap;

    /// <summary>Elements of one image's state.</summary>
    public int LatentElements => Elements(Network.Latent);

    /// <summary>Where a map lies.</summary>
    public Activation Buffer(string map) => new(Plan[map]);

    /// <summary>Elements of one image's map, without padding.</summary>
    public int Elements(string map) => _maps[map].Height * _maps[map].Width * _maps[map].Channels;

    /// <summary>Copies an FP32 map out, NHWC, as many images as <paramref name="destination"/> holds. Meant for an <see cref="OperationObserver"/>.</summary>
    public void Read(Execution run, string map, Span<float> destination) => run.Read(Buffer(map), Elements(map), destination);

    /// <summary>Index of a quantized map in <see cref="InterpretedStep.Quantizations"/>.</summary>
    public int Slot(string map) => _slots[map];

    /// <summary>Packs weights as the build does, but for the header's key, which nothing compares here.</summary>
    /// <param name="tensor">Gives the little-endian bytes of a tensor.</param>
    public PackedWeights Pack(Func<string, long, byte[]> tensor) =>
        PackedWeights.Write(Layout.TotalBytes, stream => WeightPacker.Pack(Network, Steps, tensor, new WeightKey(Network, Steps, ""), stream));

    /// <summary>Evaluates the network on the current batch: the latent's prediction is then in <see cref="Epsilon"/>.</summary>
    /// <param name="run">An execution for this network's plan.</param>
    /// <param name="step">Row of the embedding's table.</param>
    /// <param name="parameters">Quantization and mean correction.</param>
    /// <param name="observer">Told after each operation.</param>
    public void Run(Execution run, int step, InterpretedStep parameters, OperationObserver? observer = null)
    {
        Prepare(run, parameters, observer);
        Evaluate(run, step, parameters, observer);
    }

    /// <summary>Runs the operations up to one of them.</summary>
    /// <param name="run">An execution for this network's plan.</param>
    /// <param name="step">Row of the embedding's table.</param>
    /// <param name="parameters">Quantization.</param>
    /// <param name="last">Index of the last one in <see cref="Network"/>.</param>
    /// <param name="observer">Told after each operation.</param>
    public void RunTo(Execution run, int step, InterpretedStep parameters, int last, OperationObserver observer)
    {
        Run(run, 0, Math.Min(last + 1, _linked.CallOperations), parameters, observer);
        if (last < _linked.FirstStep) return;
        Embed(run, step);
        Run(run, _linked.FirstStep, last + 1 - _linked.FirstStep, parameters, observer);
    }

    /// <summary>Copies a quantized map out as the numbers that its integers stand for, NHWC, as many images as <paramref name="destination"/> holds.</summary>
    /// <param name="run">Holds the map.</param>
    /// <param name="map">Its name.</param>
    /// <param name="quantization">That it was written with.</param>
    /// <param name="destination">Result.</param>
    public void Read(Execution run, string map, Quantization quantization, Span<float> destination)
    {
        Map shape = _maps[map];
        int padded = (shape.Channels + 3) / 4 * 4, pixels = destination.Length / shape.Channels, imageBytes = shape.Height * shape.Width * padded * shape.ElementSize;
        var words = new float[destination.Length / Elements(map) * imageBytes / sizeof(float)];
        run.Read(Buffer(map), imageBytes / sizeof(float), words);
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(words.AsSpan());
        for (int pixel = 0; pixel < pixels; pixel++)
        {
            for (int c = 0; c < shape.Channels; c++)
            {
                ReadOnlySpan<byte> code = bytes[((pixel * padded + c) * shape.ElementSize)..];
                destination[pixel * shape.Channels + c] = quantization.Scale * ((shape.ElementSize == 1 ? code[0] : MemoryMarshal.Read<ushort>(code)) - quantization.ZeroPoint);
            }
        }
    }

    /// <summary>Runs what depends on the call's inputs alone.</summary>
    public void Prepare(Execution run, InterpretedStep parameters, OperationObserver? observer = null) => Run(run, 0, _linked.CallOperations, parameters, observer);

    /// <summary>Runs the encoder of given pictures, if there is one.</summary>
    public void Encode(Execution run, InterpretedStep parameters) => Run(run, _linked.CallOperations, _linked.ImageOperations, parameters, null);

    /// <summary>What a given picture becomes, and with what it can be mixed; null where none can be given.</summary>
    public GivenPictures? Pictures(SolverProgram program) => !program.TakesPictures ? null : new(new(Plan[Register.Known]), new(Plan[Register.Mask]),
        [.. program.Evaluations.Select(e => e.Start is { } start ? new PictureLevel(start.Known.Single, start.Noise.Single) : (PictureLevel?)null)])
    {
        Input = _linked.ImageInput is { } input ? Buffer(input) : null,
        Encoded = _linked.ImageOutput is { } output ? Buffer(output) : null,
    };

    /// <summary>Runs the decoder on the state.</summary>
    public void Decode(Execution run, InterpretedStep parameters)
    {
        Run(run, _linked.FirstEnd, _instructions.Length - _linked.FirstEnd, parameters, null);
    }

    private void Evaluate(Execution run, int step, InterpretedStep parameters, OperationObserver? observer)
    {
        Embed(run, step);
        Run(run, _linked.FirstStep, _linked.StepOperations, parameters, observer);
    }

    private void Embed(Execution run, int step)
    {
        if (_embedding.Vectors > 0) run.Embed(new(Layout.Embedding), Vectors, Network.Embedding.FirstRow + step, _embedding);
    }

    private void Run(Execution run, int first, int count, InterpretedStep parameters, OperationObserver? observer)
    {
        for (int i = first; i < first + count; i++)
        {
            _instructions[i](run, parameters);
            observer?.Invoke(Network.Operations[i], run);
        }
    }

    /// <summary>Evaluates the network behind <see cref="Prepare"/> and takes the solver's step, as one step method of a generated sampler does.</summary>
    public void RunStep(Execution run, int step, InterpretedStep parameters, InterpretedSolver solver)
    {
        solver.Before(run, step);
        Evaluate(run, step, parameters, null);
        run.Guide(Epsilon, parameters.Moments, _latentShape);
        solver.After(run, step);
    }

    private SamplerInput Input(string name) => new(name, Buffer(name), _maps[name].Height, _maps[name].Width, _maps[name].Channels, _linked.Rows(name));

    private static DynamicMap Shape(Map map) => new(map.Height, map.Width, map.Channels, map.ElementSize);
}
