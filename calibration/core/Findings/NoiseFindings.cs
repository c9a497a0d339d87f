namespace Specializer.Calibration;

/// <summary>The noise of one prediction over all steps, teacher-forced, as allocated.</summary>
/// <param name="LowestSnrDb">Of the noisiest step, dB.</param>
/// <param name="HighestSnrDb">Of the quietest, dB.</param>
/// <param name="LowestK">Smallest k.</param>
/// <param name="HighestK">Largest k.</param>
/// <param name="HighestRSquared">Largest share of a step's noise that k explains.</param>
public sealed record PredictionNoise(double LowestSnrDb, double HighestSnrDb, double LowestK, double HighestK, double HighestRSquared) : Finding;

/// <summary>What stands out in the ranges of a quantized map.</summary>
public enum RangeTrouble
{
    /// <summary>It is constant; its quantization represents that one value.</summary>
    Constant,
    /// <summary>More than a twentieth of its values saturate.</summary>
    Saturates,
}

/// <summary>A quantized map whose ranges stand out.</summary>
/// <param name="Map">Its name.</param>
/// <param name="Trouble">What stands out.</param>
/// <param name="Steps">At how many steps.</param>
/// <param name="AllSteps">Of how many.</param>
public sealed record UnusualRange(string Map, RangeTrouble Trouble, int Steps, int AllSteps) : Finding;

/// <summary>Quantized maps of which no value saturates at any step: clipping would cost more than finer steps gain.</summary>
/// <param name="Maps">How many.</param>
/// <param name="AllMaps">Of how many.</param>
public sealed record NeverSaturating(int Maps, int AllMaps) : Finding;

/// <summary>Steps at which the quantized prediction has lost most of what FP32's says: k is near −1.</summary>
/// <param name="Steps">Their indices.</param>
/// <param name="LowestK">The smallest k.</param>
public sealed record PredictionLost(IReadOnlyList<int> Steps, double LowestK) : Finding;
