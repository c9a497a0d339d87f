namespace Specializer.Manifest;

/// <summary>A network as a list of operations over named maps with static shapes, in execution order.</summary>
/// <param name="Latent">Name of the map that holds the sampler's state (FP32).</param>
/// <param name="Epsilon">Name of the map that holds the network's output (FP32).</param>
/// <param name="Maps">All maps. The quantized ones, in this order, are the first of each step's <see cref="QuantizationSlots"/>.</param>
/// <param name="Embedding">How timestep and label become the vectors added inside residual blocks.</param>
/// <param name="Operations">In execution order.</param>
internal sealed record Network(
    string Latent,
    string Epsilon,
    EquatableArray<Map> Maps,
    Embedding Embedding,
    EquatableArray<Operation> Operations);

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
/// with one row a step. Tensors of the weights file: <c>embedding.time</c> [steps, width], <c>embedding.label</c> [classes, width],
/// <c>embedding.weight</c> [vectors, width], <c>embedding.bias</c> [vectors]; without classes only <c>embedding.vectors</c> [steps, vectors].</summary>
internal sealed record Embedding(int Width, int Classes, int Vectors);

/// <summary>One operation. <paramref name="Name"/> is the module path in the source model, e.g. <c>down_blocks.0.resnets.0.conv1</c>;
/// unique; its characters are letters, digits, '_' and '.'.</summary>
internal abstract record Operation(string Name);

/// <summary>Quantizes an FP32 map.</summary>
internal sealed record QuantizeOperation(string Name, string Input, string Output) : Operation(Name);

/// <summary>Group norm over one map or a skip concatenation of two, with optional SiLU, into FP32 or quantized maps.
/// Tensors: <c>NAME.weight</c> [C], <c>NAME.bias</c> [C], C over both maps.</summary>
internal sealed record GroupNormOperation(
    string Name, string Input, string Output, string? Skip, string? SkipOutput, int Groups, Number Epsilon, bool Silu) : Operation(Name);

/// <summary>Convolution (a linear layer over pixels is 1×1). Tensors: <c>NAME.weight</c>: I8 [O, K, K, I] for 8 bits, U8 [O, ⌈K·K·I/2⌉] for 4 bits
/// (element 2j in the low nibble, two's complement, same element order), F32 [O, K, K, I] for 32; <c>NAME.scale</c> F32 [O] for 4 and 8 bits; <c>NAME.bias</c> F32 [O].</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">Map read: quantized for 4 and 8 bits, FP32 for 32.</param>
/// <param name="Output">FP32 map written.</param>
/// <param name="Residual">FP32 map added, or null. The planner gives it the output's memory when this is its last use.</param>
/// <param name="KernelSize">Odd.</param>
/// <param name="Stride">1 or 2.</param>
/// <param name="PaddingTop">Zero rows above.</param>
/// <param name="PaddingLeft">Zero columns to the left.</param>
/// <param name="Upsample">Nearest-neighbour factor before the convolution: 1 or 2.</param>
/// <param name="WeightBits">4, 8 or 32.</param>
/// <param name="Vector">First element of the embedding's vectors to add, or −1.</param>
/// <param name="OutputScale">Factor after the residual.</param>
internal sealed record ConvolutionOperation(
    string Name, string Input, string Output, string? Residual,
    int KernelSize, int Stride, int PaddingTop, int PaddingLeft, int Upsample, int WeightBits, int Vector, Number OutputScale) : Operation(Name);

/// <summary>Multi-head self-attention over an FP32 map that holds q, k and v side by side, into an FP32 map.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">Map read.</param>
/// <param name="Output">Map written.</param>
/// <param name="Heads">Heads, contiguous in each of q, k and v.</param>
/// <param name="ProductBits">Bits of what q·kᵀ and softmax·v multiply: 32, or 8, for which q, k and v each have a <see cref="QuantizationSlots">slot</see>.</param>
internal sealed record AttentionOperation(string Name, string Input, string Output, int Heads, int ProductBits = 32) : Operation(Name);
