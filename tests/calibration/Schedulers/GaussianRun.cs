using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>A program on data of which every picture element is N(0, s²): the true prediction is linear in the state, the marginal of every level is known, and along the ODE a state keeps its
/// quantile. All of it in FP64, so that only the solver's own error is seen.</summary>
/// <param name="program">A program without bounds, from predictions of noise.</param>
/// <param name="noise">The trained levels; null for the preconditioning of Karras et al. 2022.</param>
/// <param name="levels">σ/α at each evaluation, where the state is αx₀ + σε; null where it is x₀ + ρε, which shows in the scale of the network's input.</param>
/// <param name="predict">What the network says of a state at an evaluation, linear in it; null for the true noise.</param>
internal sealed class GaussianRun(SolverProgram program, TrainingNoise? noise, double[]? levels, Func<int, double, double>? predict = null)
{
    /// <summary>s.</summary>
    public const double Deviation = 0.5;

    private const double EdmDeviation = 0.5;

    /// <summary>σ/α at an evaluation.</summary>
    public double Ratio(int evaluation)
    {
        double scale = program.Evaluations[evaluation].InputScale, of = noise is null ? EdmDeviation : 1;
        return levels?[evaluation] ?? Math.Sqrt(1 / (scale * scale) - of * of);
    }

    /// <summary>Standard deviation of the state at a level.</summary>
    public double Marginal(double ratio) => Math.Sqrt(Deviation * Deviation + ratio * ratio) * (levels is null ? 1 : NoiseLevel.OfRatio(ratio).Alpha);

    /// <summary>Relative error of the ODE's solution after some evaluations, at the level that they lead to.</summary>
    public double Error(int evaluations, double ratio) =>
        Math.Abs(Run(evaluations, Marginal(Ratio(0)), draw: null) / Marginal(ratio) - 1);

    /// <summary>Relative error of the state's variance after some evaluations. The program is linear, so every draw's part is found alone.</summary>
    public double VarianceError(int evaluations, double ratio)
    {
        double variance = Math.Pow(Run(evaluations, Marginal(Ratio(0)), draw: null), 2);
        for (int i = 0; i < evaluations; i++) variance += Math.Pow(Run(evaluations, 0, draw: i), 2);
        return Math.Abs(variance / Math.Pow(Marginal(ratio), 2) - 1);
    }

    private double Run(int evaluations, double start, int? draw)
    {
        var registers = new Dictionary<Register, double> { [Register.State] = start };
        for (int i = 0; i < evaluations; i++)
        {
            registers[Register.Prediction] = predict?.Invoke(i, registers[Register.State]) ?? Prediction(registers[Register.State], Ratio(i));
            foreach (Statement statement in program.Evaluations[i].Statements)
            {
                registers[statement.Target] = statement switch
                {
                    LinearStatement linear => linear.Terms.Sum(t => t.Coefficient * registers[t.Register]),
                    DrawStatement drawn => drawn.Draw == draw ? 1 : 0,
                    _ => throw new NotSupportedException(),
                };
            }
        }

        return registers[Register.State];
    }

    private double Prediction(double state, double ratio)
    {
        double unit = levels is null ? state : state / NoiseLevel.OfRatio(ratio).Alpha, sum = Deviation * Deviation + ratio * ratio;
        if (noise is not null) return ratio * unit / sum;
        // x₀ = s²/(s² + ρ²)·x = skip·x + out·m.
        double edm = EdmDeviation * EdmDeviation + ratio * ratio;
        return unit * (Deviation * Deviation / sum - EdmDeviation * EdmDeviation / edm) / (ratio * EdmDeviation / Math.Sqrt(edm));
    }
}
