using Specializer.Manifest;

namespace Specializer.Calibration.Export;

/// <summary>A convolution as the source model has it: over one map, or over a skip concatenation that the network computes as two halves
/// <c>NAME.0</c> and <c>NAME.1</c>, the second adding to the first.</summary>
/// <param name="Name">Module path without the half's number.</param>
/// <param name="Halves">One or two, in channel order.</param>
internal sealed record WholeConvolution(string Name, IReadOnlyList<ConvolutionOperation> Halves)
{
    private ConvolutionOperation First => Halves[0];

    public ConvolutionOperation Last => Halves[^1];

    /// <summary>What is added besides the halves' own sum.</summary>
    public string? Residual => First.Residual;

    /// <summary>First elements of the step vectors to add.</summary>
    public IEnumerable<int> Vectors => Halves.Select(half => half.Vector).Where(vector => vector >= 0);

    /// <summary>Finds the whole convolutions: each stands where its last half stands.</summary>
    public static IReadOnlyDictionary<ConvolutionOperation, WholeConvolution> In(Network network)
    {
        var operations = network.Operations.OfType<ConvolutionOperation>().ToDictionary(o => o.Name, StringComparer.Ordinal);
        var wholes = new Dictionary<ConvolutionOperation, WholeConvolution>(ReferenceEqualityComparer.Instance);
        var halves = new HashSet<ConvolutionOperation>(ReferenceEqualityComparer.Instance);
        foreach (ConvolutionOperation second in operations.Values)
        {
            if (!second.Name.EndsWith(".1", StringComparison.Ordinal)) continue;
            string name = second.Name[..^2];
            if (!operations.TryGetValue(name + ".0", out ConvolutionOperation? first) || second.Residual != first.Output || first.OutputScale.Value != 1) continue;
            wholes[second] = new(name, [first, second]);
            halves.Add(first);
        }

        foreach (ConvolutionOperation operation in operations.Values)
            if (!halves.Contains(operation) && !wholes.ContainsKey(operation)) wholes[operation] = new(operation.Name, [operation]);
        return wholes;
    }

    /// <summary>The weights as [O, I, K, K], the halves' input channels side by side.</summary>
    public float[] Weights(Func<string, float[]> tensor, IReadOnlyList<int> inputs, int outputs)
    {
        int taps = Last.KernelSize * Last.KernelSize, channels = inputs.Sum(), start = 0;
        var whole = new float[outputs * channels * taps];
        for (int half = 0; half < Halves.Count; half++)
        {
            float[] weights = Tensor(tensor, Halves[half].Name + ".weight", outputs * taps * inputs[half]);
            for (int o = 0; o < outputs; o++)
                for (int tap = 0; tap < taps; tap++)
                    for (int i = 0; i < inputs[half]; i++)
                        whole[(o * channels + start + i) * taps + tap] = weights[(o * taps + tap) * inputs[half] + i];
            start += inputs[half];
        }

        return whole;
    }

    /// <summary>The halves' biases, added.</summary>
    public float[] Bias(Func<string, float[]> tensor, int outputs)
    {
        var sum = new float[outputs];
        foreach (ConvolutionOperation half in Halves)
        {
            float[] bias = Tensor(tensor, half.Name + ".bias", outputs);
            for (int o = 0; o < outputs; o++) sum[o] += bias[o];
        }

        return sum;
    }

    public static float[] Tensor(Func<string, float[]> tensor, string name, int length)
    {
        float[] values = tensor(name);
        return values.Length == length ? values
            : throw new InvalidDataException($"Tensor '{name}' has {values.Length} elements; the network's operations need {length}.");
    }
}
