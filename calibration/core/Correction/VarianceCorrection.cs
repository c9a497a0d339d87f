namespace Specializer.Calibration;

/// <summary>σ' of a step, with which the next state has the variance of FP32's (docs/method.md, "Corrections").</summary>
/// <param name="Sigma">The sampler's σ; where the network says it, that of all elements together, √E[s(v̂)].</param>
/// <param name="CalibratedSigma">σ' = √max(σ² − added, 0).</param>
/// <param name="Absorbed">Added variance that σ' makes room for; negative where σ' makes up for missing variance.</param>
/// <param name="Unabsorbed">The rest of it, which stays in the next state.</param>
internal readonly record struct VarianceCorrection(double Sigma, double CalibratedSigma, double Absorbed, double Unabsorbed)
{
    /// <summary>c, with which a variance that the network says is changed by as much; 0 elsewhere.</summary>
    public double Removed { get; init; }

    /// <summary>Makes room for what is added, or makes up for what is missing.</summary>
    /// <param name="sigma">The sampler's σ.</param>
    /// <param name="added">Variance that quantization adds to the next state: <see cref="StepMean.AddedVariance"/>.</param>
    public static VarianceCorrection Of(double sigma, double added)
    {
        double own = sigma * sigma, absorbed = Math.Min(own, added);
        return new(sigma, Math.Sqrt(own - absorbed), absorbed, added - absorbed);
    }
}
