using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>The mean M of the next state, which is the state without the sampler's noise, and its error E = M̂ − M when predictions are quantized and corrected
/// (docs/method.md, "Corrections"): this evaluation's, those before it in the same step, and the former ones' that the solver keeps. Both are bounded as the step bounds them, so that clipped steps
/// need no rule of their own.</summary>
/// <remarks>Takes a unit's evaluations one after the other, from the first on.</remarks>
/// <param name="channels">Of an image.</param>
internal sealed class StepMean(int channels)
{
    private ProgramInterpreter? _quantized;

    /// <summary>Moments of (M, E) of each image; none where a step injects no noise, whose variance could make room.</summary>
    /// <param name="state">FP32's state before the step.</param>
    /// <param name="step">The step.</param>
    /// <param name="parameters">What it runs with.</param>
    /// <param name="quantized">The quantized network.</param>
    /// <param name="needsAll">See <see cref="NeedsAll"/>.</param>
    /// <param name="none">What guidance leads away from.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    public JointMoments[] Moments(TrajectoryState state, StepDecision step, InterpretedStep parameters, NetworkEvaluator quantized, bool needsAll, NoCondition none, CancellationToken cancellation)
    {
        if (!step.Evaluation.InjectsNoise && !needsAll) return [];
        JointMoments[] images = Moments(state, x => GuidedPrediction.Evaluate(quantized, state.Step, parameters, x, state.Labels, step.Guidance, none, cancellation));
        return step.Evaluation.InjectsNoise ? images : [];
    }

    /// <summary>Moments of (M, E) of each image.</summary>
    /// <param name="state">FP32's state before the step.</param>
    /// <param name="corrected">ε̃ of what the network reads.</param>
    public JointMoments[] Moments(TrajectoryState state, Func<float[], float[]> corrected)
    {
        ProgramInterpreter reference = state.Solver.Branch(ProgramInterpreter.None);
        reference.Advance(state.Step, state.Prediction, state.Variance);
        float[] x = state.X;
        if (state.Step == 0 || _quantized is null)
        {
            _quantized = state.Solver.Branch(ProgramInterpreter.None);
        }
        else if (ReadsMiddle(state.Solver.Program, state.Step))
        {
            x = new float[state.X.Length];
            _quantized.Input(state.Step, x);
        }
        else
        {
            // The states are FP32's; predictions of former steps are the quantized network's own.
            _quantized.Take(state.Solver, RegisterKind.State, RegisterKind.Saved);
        }

        // What it injects is no part of the mean.
        _quantized.Advance(state.Step, corrected(x), state.Variance);
        int elements = reference.Elements;
        var moments = new JointMoments[state.Images];
        for (int i = 0; i < state.Images; i++)
            moments[i] = JointMoments.Of(reference.State.Slice(i * elements, elements), _quantized.State.Slice(i * elements, elements), channels);
        return moments;
    }

    /// <summary>Whether a program's later steps depend on this one's prediction otherwise than through the state, or are parts of the same step, so that none can be left out.</summary>
    public static bool NeedsAll(SolverProgram program) => program.KeptRegisters().Any(r => r.Kind is RegisterKind.History or RegisterKind.Saved);

    /// <summary>Whether an evaluation is of a step's middle, from whose beginning the step goes on, with no noise between, which would have made room for the middle's error. Such a state is the quantized
    /// network's own, like its former predictions.</summary>
    private static bool ReadsMiddle(SolverProgram program, int evaluation) =>
        !program.Evaluations[evaluation - 1].InjectsNoise && program.Evaluations[evaluation].Statements.Any(s => s.Reads.Any(r => r.Kind == RegisterKind.Saved));

    /// <summary>Var(M̂) − Var(M) = 2·Cov(M, E) + Var(E): what quantization adds to the variance of the next state. Negative where it takes variance away.</summary>
    public static double AddedVariance(JointMoments moments) => 2 * moments.Covariance(0, 1) + moments.Covariance(1, 1);

    /// <summary>Var(E): the same, were the error independent of the state, as the paper takes it to be.</summary>
    public static double ErrorVariance(JointMoments moments) => moments.Covariance(1, 1);
}
