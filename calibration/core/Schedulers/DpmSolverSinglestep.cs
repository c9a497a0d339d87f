using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>DPM-Solver and DPM-Solver++, single-step: blocks of up to three evaluations, each of which starts again from the state before its block, with one order more.</summary>
internal static class DpmSolverSinglestep
{
    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration);
        DpmUpdate update = DpmUpdate.Read(configuration, noiseSde: false);
        float final = update.FinalRatio(configuration, noise.Ratios[0]);
        int used = DpmSolverMultistep.UsedTimesteps(configuration, noise);
        double[] timesteps = SigmaPath.OpenTimesteps(configuration, noise, steps, used, TimestepSpacing.Linspace);
        SigmaPath path = SigmaPath.Create(configuration, noise, timesteps, steps, wholeRange: true, final);
        PredictionType prediction = configuration.Prediction();
        int highest = configuration.Integer("solver_order", 2, 1, 3);
        if (update.IsSde && highest == 3)
            throw new UnsupportedModelException(configuration.File, "solver_order", "3", "With sde-dpmsolver++ use 1 or 2.");
        int[] orders = Orders(highest, steps, configuration.Flag("lower_order_final", false) || steps % highest != 0 || configuration.EndsAtZero());

        var program = new ProgramBuilder(Bounding.Read(configuration));
        Register start = Register.Saved(0);
        program.Begin(1);
        for (int i = 0; i < steps; i++)
        {
            int order = orders[i];
            bool more = i + 1 < steps && orders[i + 1] > 1;
            double at = path.Ratios[i], to = path.Ratios[i + 1];
            program.Evaluate(path.Timesteps[i], level: order == 1 ? NoiseLevel.OfRatio(at) : null);
            LinearForm latest = update.Predict(program, at, NoiseLevel.OfRatio(at).Original(prediction));
            if (order == 1 && more) program.Set(start, Register.State);
            if (more)
            {
                program.Set(Register.History(order - 1), latest);
                latest = Register.History(order - 1);
            }

            program.Set(Register.State, Block(program, update, path, i, order, order == 1 ? Register.State : start, latest, to));
        }

        return program.Build();
    }

    /// <summary>The step from the beginning of a block to the level after its last evaluation.</summary>
    private static LinearForm Block(ProgramBuilder program, DpmUpdate update, SigmaPath path, int i, int order, LinearForm state, LinearForm latest, double to)
    {
        double from = path.Ratios[i + 1 - order], h = DpmUpdate.Lambda(to) - DpmUpdate.Lambda(from);
        if (order == 1) return update.Step(program, state, from, to, latest);
        LinearForm d0 = Register.History(0);
        LinearForm last = (latest - d0) / Share(i);
        if (order == 2) return update.Step(program, state, from, to, d0, last, midpoint: update.Midpoint);
        // Three evaluations: the midpoint rule uses the last alone, Heun's the parabola through all.
        if (update.Midpoint) return update.Step(program, state, from, to, d0, last);
        double r0 = Share(i), r1 = Share(i - 1);
        LinearForm middle = (Register.History(1) - d0) / r1;
        return update.Step(program, state, from, to, d0, (r0 * middle - r1 * last) / (r0 - r1), 2 * (last - middle) / (r0 - r1));

        double Share(int evaluation) => (DpmUpdate.Lambda(path.Ratios[evaluation]) - DpmUpdate.Lambda(from)) / h;
    }

    /// <summary>The order of each evaluation: 1, 2, … up to the highest, again and again; a lower end fits what is left over.</summary>
    private static int[] Orders(int highest, int steps, bool lowerEnd)
    {
        int blocks = steps / highest, rest = steps % highest;
        List<int> orders = [.. Enumerable.Range(0, steps - rest).Select(i => i % highest + 1)];
        if (lowerEnd && highest > 1 && rest == 0)
        {
            orders.RemoveRange((blocks - 1) * highest, highest);
            orders.AddRange(highest == 3 ? [1, 2, 1] : [1, 1]);
        }

        orders.AddRange(Enumerable.Range(1, rest));
        return [.. orders];
    }
}
