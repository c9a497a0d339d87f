using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>DPM-Solver-2 as Karras et al. 2022 write it (algorithm 2): the derivative in the middle, in ln ρ, of each step. The ancestral form steps down to ρ↓ and adds noise ρ↑.</summary>
internal static class Kdpm2
{
    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments) => Write(configuration, steps, ancestral: false);

    public static SolverProgram CreateAncestral(ConfigurationReader configuration, int steps, SolverArguments arguments) => Write(configuration, steps, ancestral: true);

    private static SolverProgram Write(ConfigurationReader configuration, int steps, bool ancestral)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration, 0.00085, 0.012);
        var state = new KarrasState(configuration.Prediction(sample: false));
        SigmaPath path = SigmaPath.Create(configuration, noise, SigmaPath.FullTimesteps(configuration, noise, steps), steps, wholeRange: false, final: 0);
        bool whole = configuration.Flag("use_karras_sigmas", false);
        var program = new ProgramBuilder(Bounding.None);
        Register start = Register.Saved(0);
        program.Begin(KarrasState.InitialSigma(configuration, path));
        for (int i = 0; i < path.Count; i++)
        {
            double from = path.Ratios[i], to = path.Ratios[i + 1];
            program.Evaluate(whole ? MathF.Round(path.Timesteps[i]) : path.Timesteps[i], KarrasState.InputScale(from), KarrasState.Level(from));
            if (to == 0)
            {
                program.Set(Register.State, Register.State - from * state.Derivative(program, from));
                break;
            }

            var (down, up) = ancestral ? Euler.Split(from, to) : (to, 0);
            double middle = Math.Sqrt(from * down);
            program.Set(start, Register.State);
            program.Set(Register.State, Register.State + (middle - from) * state.Derivative(program, from));
            program.Evaluate((float)noise.TimestepOf(middle), KarrasState.InputScale(middle));
            LinearForm next = start + (down - from) * state.Derivative(program, middle);
            program.Set(Register.State, up == 0 ? next : next + up * new LinearForm(program.Draw()));
        }

        return program.Build();
    }
}
