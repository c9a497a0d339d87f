namespace Specializer.Calibration;

/// <summary>σ' of a step: the quantization noise takes the place of part of the sampler's own (docs/method.md, "Corrections").</summary>
/// <param name="Sigma">The sampler's σ.</param>
/// <param name="CalibratedSigma">σ' = √max(σ² − added, 0).</param>
/// <param name="Absorbed">Variance of the quantization noise that σ' makes room for.</param>
/// <param name="Unabsorbed">The rest of it, which stays in the next state.</param>
internal readonly record struct VarianceCorrection(double Sigma, double CalibratedSigma, double Absorbed, double Unabsorbed)
{
    /// <summary>Makes room for noise.</summary>
    /// <param name="sigma">The sampler's σ.</param>
    /// <param name="added">Variance that quantization brings into the next state: λ²·σ_q²/(1+k)² with λ of <see cref="Schedulers.SolverStep"/>, or with clipping the measured variance of the step's mean error.</param>
    public static VarianceCorrection Of(double sigma, double added)
    {
        double own = sigma * sigma, absorbed = Math.Min(own, added);
        return new(sigma, Math.Sqrt(own - absorbed), absorbed, added - absorbed);
    }
}
