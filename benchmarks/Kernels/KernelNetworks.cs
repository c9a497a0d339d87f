using Specializer.Manifest;

namespace Specializer.Benchmarks.Kernels;

/// <summary>Networks of one measured operation.</summary>
internal static class KernelNetworks
{
    /// <summary>Ends the name of integer weights' tensors; the convolution's own name decides.</summary>
    public const string IntegerWeights = "integer.weight";

    /// <summary>A middle of the range; the kernels' time does not depend on it.</summary>
    public static Quantization Range(int levels) => new(2f / levels, levels / 2, levels);

    public static Network Convolution(ConvolutionCase shape, int weightBits)
    {
        Map input = new("x", shape.InputSize, shape.InputSize, shape.Inputs, MapType.Float32);
        Map quantized = input with { Name = "q", Type = weightBits == 4 ? MapType.Quantized8 : MapType.Quantized16 };
        Map output = new("y", shape.OutputSize, shape.OutputSize, shape.Outputs, MapType.Float32);
        var convolution = new ConvolutionOperation(weightBits == 32 ? "real" : "integer", weightBits == 32 ? "x" : "q", "y", null,
            shape.KernelSize, shape.Stride, shape.KernelSize / 2, shape.KernelSize / 2, shape.Upsample, weightBits, -1, new("1"));
        return weightBits == 32
            ? Network([input, output], convolution)
            : Network([input, quantized, output], new QuantizeOperation("quantize", "x", "q"), convolution);
    }

    public static Network GroupNorm(int size, int channels, int weightBits)
    {
        Map input = new("x", size, size, channels, MapType.Float32);
        Map output = new("y", size, size, channels, weightBits switch { 4 => MapType.Quantized8, 8 => MapType.Quantized16, _ => MapType.Float32 });
        return Network([input, output], new GroupNormOperation("norm", "x", "y", null, null, Math.Min(32, channels / 4), new("1e-6"), true));
    }

    public static Network Attention(int size, int heads, int channels) => Network(
        [new("x", size, size, 3 * channels, MapType.Float32), new("y", size, size, channels, MapType.Float32)],
        new AttentionOperation("attention", "x", "y", heads));

    private static Network Network(Map[] maps, params Operation[] operations) =>
        new("x", "y", maps.ToEquatableArray(), new(0, 0, 0), operations.ToEquatableArray());
}

/// <summary>A convolution that real networks have.</summary>
public sealed record ConvolutionCase(int InputSize, int Inputs, int Outputs, int KernelSize = 3, int Stride = 1, int Upsample = 1)
{
    /// <summary>Rows and columns of the result.</summary>
    public int OutputSize => InputSize * Upsample / Stride;

    /// <summary>Products of one evaluation.</summary>
    public double MultiplyAccumulates => (double)OutputSize * OutputSize * Outputs * Inputs * KernelSize * KernelSize;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{KernelSize}×{KernelSize} {InputSize}²×{Inputs}→{Outputs}{(Stride > 1 ? " stride 2" : "")}{(Upsample > 1 ? " upsampled" : "")}";
}
