using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>UniPC (Zhao et al. 2023): each evaluation first corrects the state that it was made at, from the state before and with the order of the step that led here, then predicts the next.
/// The prediction itself comes from the uncorrected state.</summary>
internal static class UniPc
{
    public static SolverProgram Create(ConfigurationReader configuration, int steps, SolverArguments arguments)
    {
        TrainingNoise noise = TrainingNoise.Read(configuration, rescales: true, finite: true);
        if (!configuration.IsNull("solver_p") && configuration.Has("solver_p"))
            throw new UnsupportedModelException(configuration.File, "solver_p", configuration.Raw("solver_p"), "Leave it null.");
        bool karras = configuration.Flag("use_karras_sigmas", false);
        double[] timesteps = SigmaPath.OpenTimesteps(configuration, noise, steps, noise.Timesteps, configuration.Spacing(TimestepSpacing.Linspace));
        SigmaPath path = SigmaPath.Create(configuration, noise, timesteps, steps, wholeRange: true,
            configuration.EndsAtZero() ? 0 : karras ? null : noise.Ratios[0]);
        PredictionType prediction = configuration.Prediction();
        bool fromData = configuration.Flag("predict_x0", true);
        var update = new UniPcUpdate(path, fromData, BFirst: configuration.Choice("solver_type", false,
            ("bh1", true), ("bh2", false), ("midpoint", false), ("heun", false), ("logrho", false)));
        int highest = configuration.Integer("solver_order", 2, 1, 3);
        bool lowerAtEnd = configuration.Flag("lower_order_final", true);
        int[] uncorrected = configuration.Integers("disable_corrector", [], 0, int.MaxValue);

        var program = new ProgramBuilder(fromData ? Bounding.Read(configuration) : Bounding.None);
        var history = new PredictionHistory(program, highest);
        Register before = Register.Saved(0);
        program.Begin(1);
        int order = 0;
        for (int i = 0; i < path.Count; i++)
        {
            NoiseLevel level = NoiseLevel.OfRatio(path.Ratios[i]);
            program.Evaluate(path.Timesteps[i], level: level);
            LinearForm latest = fromData ? program.Bound(level.Original(prediction)) : level.Noise(prediction);
            if (i > arguments.Start && !uncorrected.Contains(i - 1))
            {
                program.Set(Register.Original, latest);
                latest = Register.Original;
                program.Set(Register.State, update.Correct(before, latest, history, i, order));
            }

            history.Keep(latest);
            order = Math.Min(lowerAtEnd ? Math.Min(highest, path.Count - i) : highest, Math.Clamp(i - arguments.Start, 0, highest) + 1);
            if (i < path.Count - 1) program.Set(before, Register.State);
            program.Set(Register.State, update.Predict(Register.State, history, i, order));
        }

        return program.Build();
    }
}
