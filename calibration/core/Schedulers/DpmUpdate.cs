using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Which equation an exponential integrator solves, and for what it predicts.</summary>
internal enum DpmAlgorithm
{
    /// <summary>DPM-Solver++ (Lu et al. 2022b): the ODE, from predicted originals.</summary>
    Data,
    /// <summary>DPM-Solver (Lu et al. 2022a): the ODE, from predicted noise.</summary>
    Noise,
    /// <summary>DPM-Solver++'s SDE.</summary>
    DataSde,
    /// <summary>DPM-Solver's SDE.</summary>
    NoiseSde,
}

/// <summary>One step of an exponential integrator over λ = ln(α/σ): x′ = A·x + c₀·D₀ + c₁·D₁ + c₂·D₂ (+ noise), with h = λ′ − λ from the level of x.
/// Limits stand for h = ∞, where σ′ = 0.</summary>
/// <param name="Algorithm">Which equation.</param>
/// <param name="Midpoint">The second order by the midpoint rule, otherwise by Heun's.</param>
/// <param name="Unscaled">The state is x₀ + ρε, so that α = 1.</param>
internal sealed record DpmUpdate(DpmAlgorithm Algorithm, bool Midpoint, bool Unscaled = false)
{
    public bool FromNoise => Algorithm is DpmAlgorithm.Noise or DpmAlgorithm.NoiseSde;

    public bool IsSde => Algorithm is DpmAlgorithm.DataSde or DpmAlgorithm.NoiseSde;

    /// <summary>Half the logarithm of the signal-to-noise ratio, λ, at ρ = σ/α.</summary>
    public static double Lambda(double ratio) => -Math.Log(ratio);

    /// <summary>Reads <c>algorithm_type</c> and <c>solver_type</c>.</summary>
    /// <param name="configuration">The scheduler's file.</param>
    /// <param name="noiseSde">Whether the scheduler knows DPM-Solver's SDE.</param>
    /// <param name="noiseOde">Whether it knows DPM-Solver's ODE.</param>
    /// <param name="unscaled">Whether its state is x₀ + ρε.</param>
    public static DpmUpdate Read(ConfigurationReader configuration, bool noiseSde, bool noiseOde = true, bool unscaled = false)
    {
        DpmAlgorithm algorithm = configuration.Choice("algorithm_type", DpmAlgorithm.Data,
            ("dpmsolver++", DpmAlgorithm.Data), ("deis", DpmAlgorithm.Data), ("dpmsolver", DpmAlgorithm.Noise),
            ("sde-dpmsolver++", DpmAlgorithm.DataSde), ("sde-dpmsolver", DpmAlgorithm.NoiseSde));
        if (!noiseSde && algorithm == DpmAlgorithm.NoiseSde || !noiseOde && algorithm == DpmAlgorithm.Noise)
            throw new UnsupportedModelException(configuration.File, "algorithm_type", configuration.Raw("algorithm_type"), "Use dpmsolver++ or sde-dpmsolver++.");
        // The names of other solvers' types stand in files that were made for them; the library takes its default for them.
        bool midpoint = configuration.Choice("solver_type", true,
            ("midpoint", true), ("heun", false), ("logrho", true), ("bh1", true), ("bh2", true));
        return new(algorithm, midpoint, unscaled);
    }

    /// <summary>ρ after the last step: 0, or the smallest there is, as <c>final_sigmas_type</c> says.</summary>
    public float FinalRatio(ConfigurationReader configuration, float least)
    {
        if (!configuration.EndsAtZero()) return least;
        return !FromNoise ? 0 : throw new UnsupportedModelException(configuration.File, "final_sigmas_type", configuration.Raw("final_sigmas_type"),
            "A solver that works with predicted noise cannot end at 0; use sigma_min.");
    }

    /// <summary>σ and α at ρ.</summary>
    public NoiseLevel Level(double ratio) => Unscaled ? new(1, ratio) : NoiseLevel.OfRatio(ratio);

    /// <summary>The prediction that the algorithm works with, x₀ or ε, from the predicted original.</summary>
    public LinearForm Predict(ProgramBuilder program, double ratio, LinearForm original)
    {
        LinearForm bounded = program.Bound(original);
        NoiseLevel level = Level(ratio);
        return FromNoise ? (Register.State - level.Alpha * bounded) / level.Sigma : bounded;
    }

    /// <summary>The step.</summary>
    /// <param name="program">Draws the noise of an SDE.</param>
    /// <param name="state">x.</param>
    /// <param name="from">ρ of x.</param>
    /// <param name="to">ρ′.</param>
    /// <param name="d0">The prediction.</param>
    /// <param name="d1">Its first difference over h; null for a step of first order.</param>
    /// <param name="d2">Its second difference; null below the third order.</param>
    /// <param name="midpoint">Whether c₁ follows the midpoint rule.</param>
    public LinearForm Step(ProgramBuilder program, LinearForm state, double from, double to,
        LinearForm d0, LinearForm? d1 = null, LinearForm? d2 = null, bool midpoint = false)
    {
        NoiseLevel source = Level(from), target = Level(to);
        double shrink = to / from, h = Lambda(to) - Lambda(from);
        var (a, c0, c1, c2, noise) = Algorithm switch
        {
            DpmAlgorithm.Data when shrink - 1 is var phi => (target.Sigma / source.Sigma, -target.Alpha * phi,
                midpoint ? -0.5 * target.Alpha * phi : target.Alpha * (phi / h + 1), -target.Alpha * ((phi + h) / (h * h) - 0.5), 0.0),
            // σ′·(e^h − 1) = α′·(ρ − ρ′).
            DpmAlgorithm.Noise when target.Alpha * (from - to) is var e => (target.Alpha / source.Alpha, -e,
                midpoint ? -0.5 * e : -(e / h - target.Sigma), -((e - target.Sigma * h) / (h * h) - 0.5 * target.Sigma), 0.0),
            DpmAlgorithm.DataSde when 1 - shrink * shrink is var phi => (target.Sigma / source.Sigma * shrink, target.Alpha * phi,
                midpoint ? 0.5 * target.Alpha * phi : target.Alpha * (phi / (-2 * h) + 1),
                target.Alpha * ((phi - 2 * h) / (4 * h * h) - 0.5), target.Sigma * Math.Sqrt(phi)),
            DpmAlgorithm.NoiseSde when target.Alpha * (from - to) is var e => (target.Alpha / source.Alpha, -2 * e,
                midpoint ? -e : -2 * (e / h - target.Sigma), double.NaN, target.Alpha * Math.Sqrt(from * from - to * to)),
            _ => throw new InvalidOperationException($"Unknown algorithm {Algorithm}."),
        };
        LinearForm next = a * state + c0 * d0;
        if (d1 is not null) next += c1 * d1;
        if (d2 is not null) next += c2 * d2;
        return IsSde && noise != 0 ? next + noise * new LinearForm(program.Draw()) : next;
    }
}
