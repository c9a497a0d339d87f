using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Looks at what is about to become integers. Where one channel is so much larger than the others that these vanish beside it, 8 bits are not enough: the operation stays in floating point.
/// Zeros and constants are represented, and named (docs/method.md, "What integers cannot hold").</summary>
internal static class IntegerFitness
{
    private const int Levels = 255;

    /// <summary>Most noise over signal with 8-bit activations and weights: more would leave less than 10 dB, where 8 bits usually give 30 and more.</summary>
    private const double MostNoise = 0.1;

    /// <summary>What stands out. Operations of <see cref="KeptInFloatingPoint"/> are to be left as they are.</summary>
    /// <param name="reference">The FP32 network.</param>
    /// <param name="quantized">It with integers.</param>
    /// <param name="tensors">FP32 tensors by name.</param>
    /// <param name="spreads">Of every map that is quantized.</param>
    public static IEnumerable<Finding> Examine(Network reference, QuantizedNetwork quantized, IReadOnlyDictionary<string, float[]> tensors, IReadOnlyDictionary<string, ChannelSpread> spreads)
    {
        var channels = reference.Maps.ToDictionary(m => m.Name, m => m.Channels, StringComparer.Ordinal);
        foreach (string map in quantized.Sources.Select(s => s.Map).Distinct())
        {
            int constant = Enumerable.Range(0, channels[map]).Count(spreads[map].IsConstant);
            if (constant > 0) yield return new ConstantChannels(map, constant, channels[map]);
        }

        var zeros = new List<string>();
        HashSet<string> integers = [.. QuantizedTensors.Integers(quantized.Network).Select(c => c.Name)];
        foreach (ConvolutionOperation convolution in reference.Operations.OfType<ConvolutionOperation>().Where(c => integers.Contains(c.Name)))
        {
            float[] weights = tensors[$"{convolution.Name}.weight"];
            if (Array.TrueForAll(weights, w => w == 0)) zeros.Add(convolution.Name);
            double noise = Noise(weights, channels[convolution.Output], channels[convolution.Input], spreads[convolution.Input]);
            if (noise > MostNoise) yield return new KeptInFloatingPoint(convolution.Name, -10 * Math.Log10(noise));
        }

        if (zeros.Count > 0) yield return new LayersOfZeros(zeros);
        foreach (Operation attention in quantized.Network.Operations.Where(o => o.Slots > 0))
        {
            double noise = quantized.Factors(attention).Max(factor => Noise(spreads[factor.Map], factor.Channels, channels[factor.Map]));
            if (noise > MostNoise) yield return new KeptInFloatingPoint(attention.Name, -10 * Math.Log10(noise));
        }
    }

    /// <summary>What a convolution's results lose over how they vary, channels taken as independent. No channel loses more than all it holds. 0 where nothing varies: then nothing but a constant is lost.</summary>
    private static double Noise(float[] weights, int outputs, int inputs, ChannelSpread spread)
    {
        double activationNoise = StepNoise(spread, Range.All), signal = 0, noise = 0;
        double[] variances = [.. Enumerable.Range(0, inputs).Select(spread.Variance)], lost = [.. Enumerable.Range(0, inputs).Select(c => Math.Min(activationNoise, spread.Power(c)))];
        for (int o = 0, columns = weights.Length / outputs; o < outputs; o++)
        {
            ReadOnlySpan<float> row = weights.AsSpan(o * columns, columns);
            float largest = 0;
            foreach (float w in row) largest = Math.Max(largest, Math.Abs(w));
            double weightNoise = Math.Pow((double)largest / WeightScales.Limit(8), 2) / 12;
            for (int j = 0; j < columns; j++)
            {
                double square = (double)row[j] * row[j];
                int c = j % inputs;
                signal += square * variances[c];
                noise += square * lost[c] + Math.Min(weightNoise, square) * variances[c];
            }
        }

        return signal > 0 ? noise / signal : 0;
    }

    /// <summary>The median over an attention's channels that vary: there are no weights to say which of them matter.</summary>
    private static double Noise(ChannelSpread spread, Range factor, int channels)
    {
        double noise = StepNoise(spread, factor);
        var (first, count) = factor.GetOffsetAndLength(channels);
        double[] shares = [.. Enumerable.Range(first, count).Where(c => spread.Variance(c) > 0).Select(c => Math.Min(noise, spread.Power(c)) / spread.Variance(c))];
        return shares.Length == 0 ? 0 : Bootstrap.Median(shares);
    }

    // Values are taken to lie evenly within a step.
    private static double StepNoise(ChannelSpread spread, Range channels) => Math.Pow(spread.Width(channels) / Levels, 2) / 12;
}
