namespace Specializer.Calibration;

/// <summary>Predictions as the runtime makes them for the guidance that is compiled in: both halves evaluated as they are, combined, and only then corrected.</summary>
internal static class GuidedPrediction
{
    /// <summary>(1 − g)·ε_u + g·ε_c, as the runtime rounds it.</summary>
    public static float Combine(float conditional, float unconditional, float guidance) => MathF.FusedMultiplyAdd(guidance, conditional, (1 - guidance) * unconditional);

    /// <summary>Combines both halves; with guidance 1 the conditional one is all there is.</summary>
    /// <param name="conditional">ε_c, NHWC; becomes the prediction.</param>
    /// <param name="unconditional">ε_u; not read with guidance 1.</param>
    /// <param name="guidance">Scale g.</param>
    public static void Combine(Span<float> conditional, ReadOnlySpan<float> unconditional, double guidance)
    {
        if (guidance == 1) return;
        for (int i = 0; i < conditional.Length; i++) conditional[i] = Combine(conditional[i], unconditional[i], (float)guidance);
    }

    /// <summary>Evaluates a quantized network on a state.</summary>
    /// <param name="network">The network.</param>
    /// <param name="step">Row of the embedding's table.</param>
    /// <param name="parameters">Quantization, and the correction of the mean at this guidance.</param>
    /// <param name="x">States, NHWC, one after the other.</param>
    /// <param name="labels">One label an image.</param>
    /// <param name="guidance">Scale g.</param>
    /// <param name="none">What guidance leads away from.</param>
    /// <param name="cancellation">Acts within the evaluation.</param>
    /// <returns>ε̃, as long as <paramref name="x"/>.</returns>
    public static float[] Evaluate(NetworkEvaluator network, int step, InterpretedStep parameters, float[] x, int[] labels, double guidance, NoCondition none, CancellationToken cancellation)
    {
        var prediction = new float[x.Length];
        if (guidance == 1)
        {
            network.Evaluate(step, parameters, x, labels, prediction, null, cancellation);
            return prediction;
        }

        var raw = new InterpretedStep { Quantizations = parameters.Quantizations };
        var unconditional = new float[x.Length];
        // What it says of the variance stays that of the condition.
        network.Evaluate(step, raw, x, none.Of(labels), unconditional, null, cancellation);
        network.Evaluate(step, raw, x, labels, prediction, null, cancellation);
        Combine(prediction, unconditional, guidance);
        for (int i = 0; i < prediction.Length; i++)
            prediction[i] = MathF.FusedMultiplyAdd(prediction[i], parameters.Gain, parameters.Offset.Length == 0 ? 0 : parameters.Offset[i % parameters.Offset.Length]);
        return prediction;
    }
}
