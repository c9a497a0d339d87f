using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Heun's method along dx/dρ: a step of Euler's, then a second one from where it began along the mean of both derivatives. The last step, to ρ = 0, is Euler's.</summary>
internal static class Heun
{
    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration, 0.00085, 0.012, furtherSchedule: "exp");
        var state = new KarrasState(configuration.Prediction());
        SigmaPath path = SigmaPath.Create(configuration, noise, SigmaPath.FullTimesteps(configuration, noise, steps), steps, wholeRange: false, final: 0);
        var program = new ProgramBuilder(Bounding.Read(configuration, clips: false, thresholds: false));
        Register start = Register.Saved(0), first = Register.History(0);
        program.Begin(KarrasState.InitialSigma(configuration, path));
        for (int i = 0; i < path.Count; i++)
        {
            double from = path.Ratios[i], to = path.Ratios[i + 1];
            program.Evaluate(path.Timesteps[i], KarrasState.InputScale(from), KarrasState.Level(from));
            if (to == 0)
            {
                program.Set(Register.State, Register.State - from * state.Derivative(program, from));
                break;
            }

            program.Set(first, state.Derivative(program, from));
            program.Set(start, Register.State);
            program.Set(Register.State, Register.State + (to - from) * new LinearForm(first));
            program.Evaluate(path.Timesteps[i + 1], KarrasState.InputScale(to));
            program.Set(Register.State, start + (to - from) / 2 * (first + state.Derivative(program, to)));
        }

        return program.Build();
    }
}
