namespace Specializer.Calibration;

/// <summary>A correction of the mean as it was tried on the held-out images that choose.</summary>
/// <param name="Mean">The correction.</param>
/// <param name="ClampK">Whether a negative k becomes 0.</param>
/// <param name="ErrorChangeDb">Mean over images of what it changes of their squared error to FP32, dB.</param>
/// <param name="Images">Images that choose.</param>
public sealed record MeanCorrectionTried(MeanCorrectionKind Mean, bool ClampK, Interval ErrorChangeDb, int Images) : Finding;

/// <summary>The best correction of the mean, on held-out images that did not choose it.</summary>
/// <param name="Mean">The correction; <see cref="MeanCorrectionKind.Off"/> where none lowered the error of the images that choose.</param>
/// <param name="ClampK">Whether a negative k becomes 0.</param>
/// <param name="ErrorChangeDb">Mean over images of what it changes of their squared error to FP32, dB; null where there is nothing to confirm.</param>
/// <param name="Images">Images that confirm.</param>
/// <param name="Applied">Whether it lowers the error beyond the interval.</param>
public sealed record MeanCorrectionDecided(MeanCorrectionKind Mean, bool ClampK, Interval? ErrorChangeDb, int Images, bool Applied) : Finding;

/// <summary>Why a correction of the mean that was asked for is not applied at a step.</summary>
public enum MeanFallback
{
    /// <summary>It is applied.</summary>
    None,
    /// <summary>1 + k is so near 0 that dividing by it would multiply the noise by more than four.</summary>
    DivisorNearZero,
    /// <summary>The quantized prediction is constant, so no conditional mean can be fitted.</summary>
    ConstantPrediction,
}

/// <summary>A step whose mean is left alone.</summary>
/// <param name="Step">Index of the step.</param>
/// <param name="Timestep">Its training timestep.</param>
/// <param name="Guidance">Scale that it holds for.</param>
/// <param name="K">k as used.</param>
/// <param name="Reason">Why.</param>
public sealed record MeanLeftAlone(int Step, double Timestep, double Guidance, double K, MeanFallback Reason) : Finding;

/// <summary>The sampler injects no noise, so there is no variance to calibrate.</summary>
public sealed record NoVarianceToCorrect : Finding;

/// <summary>What quantization does to the variance of the next state, summed over the steps that inject noise.</summary>
/// <param name="Absorbed">Added variance that the sampler's own noise makes room for.</param>
/// <param name="Unabsorbed">Added variance that it cannot make room for.</param>
/// <param name="Missing">Variance that quantization takes away.</param>
public sealed record VarianceAdded(double Absorbed, double Unabsorbed, double Missing) : Finding;

/// <summary>The correction of the variance by both of its conditions, on held-out images.</summary>
/// <param name="StepChange">What it changes of |variance of the next state/FP32's − 1|, mean over steps, on FP32 states.</param>
/// <param name="FrechetChange">What it changes of the Fréchet distance of coarse pixels to FP32's, free-running.</param>
/// <param name="FrechetWith">That distance with it.</param>
/// <param name="FrechetWithout">And without.</param>
/// <param name="Images">Held-out images.</param>
/// <param name="Applied">Whether both fall beyond their intervals.</param>
public sealed record VarianceCorrectionDecided(Interval StepChange, Interval FrechetChange, double FrechetWith, double FrechetWithout, int Images, bool Applied) : Finding;

/// <summary>Steps where quantization adds more variance than the sampler injects, so that σ' is 0 and the rest stays.</summary>
/// <param name="Timesteps">Their training timesteps.</param>
public sealed record VarianceNotAbsorbed(IReadOnlyList<double> Timesteps) : Finding;
