using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Linear multistep along dx/dρ (Adams and Bashforth on uneven levels): the polynomial through the last four derivatives, integrated over the step.</summary>
internal static class Lms
{
    private const int Order = 4;

    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration);
        var state = new KarrasState(configuration.Prediction());
        SigmaPath path = SigmaPath.Create(configuration, noise, SigmaPath.FullTimesteps(configuration, noise, steps), steps, wholeRange: false, final: 0);
        var program = new ProgramBuilder(Bounding.None);
        program.Begin(KarrasState.InitialSigma(configuration, path));
        for (int i = 0; i < path.Count; i++)
        {
            program.Evaluate(path.Timesteps[i], KarrasState.InputScale(path.Ratios[i]), KarrasState.Level(path.Ratios[i]));
            program.Set(Derivative(i), state.Derivative(program, path.Ratios[i]));
            LinearForm next = Register.State;
            double[] levels = [.. Enumerable.Range(0, Math.Clamp(i + 1 - arguments.Start, 1, Order)).Select(k => (double)path.Ratios[i - k])];
            for (int k = 0; k < levels.Length; k++)
                next += Weight(levels, k, path.Ratios[i], path.Ratios[i + 1]) * new LinearForm(Derivative(i - k));
            program.Set(Register.State, next);
        }

        return program.Build();
    }

    private static Register Derivative(int evaluation) => Register.History(evaluation % Order);

    /// <summary>∫ of the polynomial that is 1 at the k-th level and 0 at the others. Gauss's two points are exact up to its third degree.</summary>
    private static double Weight(double[] levels, int k, double from, double to)
    {
        double middle = (from + to) / 2, half = (to - from) / 2, offset = half / Math.Sqrt(3);
        return half * (Basis(middle - offset) + Basis(middle + offset));

        double Basis(double x)
        {
            double product = 1;
            for (int j = 0; j < levels.Length; j++)
                if (j != k) product *= (x - levels[j]) / (levels[k] - levels[j]);
            return product;
        }
    }
}
