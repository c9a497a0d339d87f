namespace Specializer.Calibration.Export;

/// <summary>How a network is written as an ONNX model.</summary>
internal sealed record OnnxExportOptions
{
    /// <summary>Images of a batch; null leaves it to the caller of the model.</summary>
    public int? Batch { get; init; }

    /// <summary>Rows of the embedding's tables, one a training timestep from 0, that become part of the model; 0 makes the step vectors an input instead.</summary>
    public int Timesteps { get; init; }

    /// <summary>Where long tensors go; null for into the model.</summary>
    public OnnxData? Data { get; init; }

    /// <summary>Name of the state, or of what goes into a network without timesteps.</summary>
    public string Input { get; init; } = "sample";

    /// <summary>Name of what comes out.</summary>
    public string Output { get; init; } = "epsilon";

    /// <summary>Ranges of the activations around every convolution; with them the convolutions become int8, without them all is FP32.</summary>
    public ActivationRanges? Ranges { get; init; }

    /// <summary>Whether the convolutions become int8 with ranges that are found anew in each run, as dynamic quantization does; not together with <see cref="Ranges"/>.</summary>
    public bool Dynamic { get; init; }
}

/// <summary>Smallest and largest value that an activation takes.</summary>
internal readonly record struct ValueRange(float Minimum, float Maximum)
{
    public static ValueRange Empty => new(float.PositiveInfinity, float.NegativeInfinity);

    public static ValueRange Of(ReadOnlySpan<float> values)
    {
        ValueRange range = Empty;
        foreach (float value in values) range = new(Math.Min(range.Minimum, value), Math.Max(range.Maximum, value));
        return range;
    }

    public ValueRange Union(ValueRange other) => new(Math.Min(Minimum, other.Minimum), Math.Max(Maximum, other.Maximum));
}

/// <summary>What a calibration run saw.</summary>
/// <param name="Maps">Per map that a convolution reads.</param>
/// <param name="Results">Per convolution the products' sum with bias, before vector and residual are added. The two halves of a split
/// convolution are listed under the name of the whole.</param>
internal sealed record ActivationRanges(IReadOnlyDictionary<string, ValueRange> Maps, IReadOnlyDictionary<string, ValueRange> Results);
