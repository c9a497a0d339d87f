using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Euler's method along dx/dρ with the preconditioning of Karras et al. 2022, without churn.</summary>
internal static class EdmEuler
{
    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        var edm = new EdmPreconditioning(configuration);
        SigmaPath path = edm.Path(steps, final: 0);
        var program = new ProgramBuilder(Bounding.None);
        program.Begin(edm.InitialSigma);
        for (int i = 0; i < path.Count; i++)
        {
            double from = path.Ratios[i], to = path.Ratios[i + 1];
            program.Evaluate(path.Timesteps[i], edm.InputScale(from), KarrasState.Level(from));
            program.Set(Register.State, Register.State + (to - from) / from * (Register.State - edm.Original(from)));
        }

        return program.Build();
    }
}
