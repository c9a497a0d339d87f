using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>The levels and the preconditioning of Karras et al. 2022: the network reads x/√(ρ² + ρd²) and ¼·ln ρ; x₀ = ρd²/(ρ² + ρd²)·x ± ρρd/√(ρ² + ρd²)·m, minus for v-prediction.</summary>
/// <param name="configuration">The scheduler's file.</param>
internal sealed class EdmPreconditioning(ConfigurationReader configuration)
{
    private readonly double _data = configuration.Positive("sigma_data", 0.5), _least = configuration.Positive("sigma_min", 0.002), _most = configuration.Positive("sigma_max", 80);
    private readonly double _rho = configuration.Positive("rho", 7);
    private readonly bool _exponential = configuration.Choice("sigma_schedule", false, ("karras", false), ("exponential", true));
    private readonly double _sign = configuration.Choice("prediction_type", 1, ("epsilon", 1), ("v_prediction", -1));

    /// <summary>The smallest level.</summary>
    public float LeastRatio => (float)_least;

    /// <summary>Deviation of the first state.</summary>
    public double InitialSigma => Math.Sqrt(_most * _most + 1);

    /// <summary>The levels of a run.</summary>
    public SigmaPath Path(int steps, float final)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        double[] ratios = _exponential ? SigmaPath.Exponential(_least, _most, steps) : SigmaPath.Karras(_least, _most, steps, _rho);
        return new([.. ratios.Select(r => 0.25f * MathF.Log((float)r))], [.. ratios.Select(r => (float)r), final]);
    }

    public double InputScale(double ratio) => 1 / Math.Sqrt(ratio * ratio + _data * _data);

    /// <summary>x₀.</summary>
    public LinearForm Original(double ratio)
    {
        double sum = ratio * ratio + _data * _data;
        return new LinearForm(Register.State, _data * _data / sum) + new LinearForm(Register.Prediction, _sign * ratio * _data / Math.Sqrt(sum));
    }
}
