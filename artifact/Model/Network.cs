namespace Specializer.Manifest;

/// <summary>A network as a list of operations over named maps with static shapes, in execution order.</summary>
/// <param name="Latent">Name of its first input (FP32): of the network that is sampled, the sampler's state.</param>
/// <param name="Epsilon">Name of its first output (FP32): of the network that is sampled, the prediction.</param>
/// <param name="Maps">All maps. The quantized ones, in this order, are the first of the <see cref="QuantizationSlots"/>.</param>
/// <param name="Embedding">How timestep and label become the vectors added inside residual blocks.</param>
/// <param name="Operations">In execution order.</param>
internal sealed record Network(
    string Latent,
    string Epsilon,
    EquatableArray<Map> Maps,
    Embedding Embedding,
    EquatableArray<Operation> Operations)
{
    /// <summary>Names of further FP32 maps that are given from outside, such as a text encoder's hidden states.</summary>
    public EquatableArray<string> Inputs { get; init; }

    /// <summary>Names of further FP32 maps that leave the network: of the network that is sampled, what it says of the variance.</summary>
    public EquatableArray<string> Outputs { get; init; }

    /// <summary>Files that travel with the weights as they are, behind those of the operations.</summary>
    public EquatableArray<TextTensor> Texts { get; init; }

    /// <summary>All inputs, the latent first.</summary>
    public IEnumerable<string> AllInputs() => [Latent, .. Inputs];

    /// <summary>All outputs, the epsilon first.</summary>
    public IEnumerable<string> AllOutputs() => [Epsilon, .. Outputs];

    /// <summary>The same network over other names.</summary>
    /// <param name="operation">New name of an operation, and so of its tensors.</param>
    /// <param name="map">New name of a map.</param>
    public Network Rename(Func<string, string> operation, Func<string, string> map) => this with
    {
        Latent = map(Latent),
        Epsilon = map(Epsilon),
        Maps = Maps.Select(m => m with { Name = map(m.Name) }).ToEquatableArray(),
        Operations = Operations.Select(o => o.Rename(operation(o.Name), map)).ToEquatableArray(),
        Inputs = Inputs.Select(map).ToEquatableArray(),
        Outputs = Outputs.Select(map).ToEquatableArray(),
    };
}

/// <summary>A file among the weights.</summary>
/// <param name="Name">Of its tensor.</param>
/// <param name="Bytes">Its length.</param>
internal sealed record TextTensor(string Name, int Bytes);

/// <summary>A network that knows no timestep: an encoder, which runs once a call, or the decoder, which runs when the steps are done. Its quantization has one column.</summary>
/// <param name="Name">What its operations, and so its tensors in the weights file, are qualified with: letters, digits and '_'.</param>
/// <param name="Network">Without embedding.</param>
/// <param name="Scales">Per slot: see <see cref="QuantizationSlots"/>.</param>
/// <param name="ZeroPoints">Per slot.</param>
/// <param name="Levels">Per slot: 15 or 255.</param>
internal sealed record TimelessNetwork(string Name, Network Network, EquatableArray<Number> Scales, EquatableArray<int> ZeroPoints, EquatableArray<int> Levels);

/// <summary>How a map's elements are stored.</summary>
internal enum MapType
{
    /// <summary>FP32.</summary>
    Float32,
    /// <summary>Quantized, one byte an element: what 4-bit-weight convolutions read.</summary>
    Quantized8,
    /// <summary>Quantized to at most 8 bits, widened to two bytes: what 8-bit-weight convolutions read.</summary>
    Quantized16,
}

/// <summary>One NHWC map of one image.</summary>
internal sealed record Map(string Name, int Height, int Width, int Channels, MapType Type)
{
    /// <summary>Rows × columns.</summary>
    public long Pixels => (long)Height * Width;

    /// <summary>For messages.</summary>
    public string Size => $"{Height}×{Width}×{Channels}";

    /// <summary>What JSON calls a type.</summary>
    public static string TypeName(MapType type) => type switch { MapType.Quantized8 => "quantized8", MapType.Quantized16 => "quantized16", _ => "float32" };

    public bool IsQuantized => Type != MapType.Float32;

    /// <summary>Bytes of one quantized element; 4 for FP32.</summary>
    public int ElementSize => Type switch { MapType.Quantized8 => 1, MapType.Quantized16 => 2, _ => 4 };

    /// <summary>Bytes of one image, rounded up to 64 so that every image of a batch starts on a cache line.</summary>
    public long BytesPerImage
    {
        get
        {
            long channels = IsQuantized ? (Channels + 3L) / 4 * 4 : Channels;
            return ((long)Height * Width * channels * ElementSize + 63) / 64 * 64;
        }
    }
}

/// <summary>How timestep and label become one vector of <paramref name="Vectors"/> numbers a step: the time MLP is folded into a table
/// with one row a step. Tensors of the weights file: <c>embedding.time</c> [rows, width], <c>embedding.label</c> [classes, width],
/// <c>embedding.weight</c> [vectors, width], <c>embedding.bias</c> [vectors]; without classes only <c>embedding.vectors</c> [rows, vectors].</summary>
internal sealed record Embedding(int Width, int Classes, int Vectors)
{
    /// <summary>Rows of the table where several solvers' evaluations share it, one solver's behind the other's; 0 where it has one for each step.</summary>
    public int Rows { get; init; }

    /// <summary>Row of the first step; the others follow.</summary>
    public int FirstRow { get; init; }

    /// <summary>Rows of the table of a network with so many steps.</summary>
    public int RowsFor(int steps) => Rows == 0 ? steps : Rows;
}
