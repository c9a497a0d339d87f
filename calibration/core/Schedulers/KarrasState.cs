using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What solvers share whose state is x₀ + ρ·ε with ρ = σ/α (Karras et al. 2022): the network reads x/√(ρ² + 1), and the state moves along dx/dρ = (x − x₀)/ρ.</summary>
/// <param name="prediction">What m is.</param>
internal sealed class KarrasState(PredictionType prediction)
{
    /// <summary>Factor of the state that the network reads.</summary>
    public static double InputScale(double ratio) => 1 / Math.Sqrt(ratio * ratio + 1);

    /// <summary>What the state is a mixture of.</summary>
    public static NoiseLevel Level(double ratio) => new(1, ratio);

    /// <summary>Deviation of the first state: the largest ρ, or √(ρ² + 1) under leading spacing, which does not start from pure noise.</summary>
    public static double InitialSigma(ConfigurationReader configuration, SigmaPath path)
    {
        double most = path.Ratios.Max();
        return configuration.Spacing(TimestepSpacing.Linspace) == TimestepSpacing.Leading ? Math.Sqrt(most * most + 1) : most;
    }

    /// <summary>x₀ at a level.</summary>
    public LinearForm Original(double ratio)
    {
        NoiseLevel level = NoiseLevel.OfRatio(ratio);
        return level.Original(prediction, scale: level.Alpha);
    }

    /// <summary>dx/dρ at a level, the original bounded as the program's settings say.</summary>
    public LinearForm Derivative(ProgramBuilder program, double ratio) => (Register.State - program.Bound(Original(ratio))) / ratio;
}
