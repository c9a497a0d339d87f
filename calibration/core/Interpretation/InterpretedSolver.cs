using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Runs a solver through the members that generated code calls.</summary>
internal sealed class InterpretedSolver
{
    private readonly NetworkInterpreter _interpreter;
    private readonly SolverPlan _plan;
    private readonly DynamicMap _shape;
    private readonly Pass[] _begin, _end;
    private readonly Pass[][] _before, _steps;
    private readonly Pass[][][] _early;

    /// <param name="interpreter">Where registers lie: its plan is for <paramref name="plan"/>, too.</param>
    /// <param name="plan">How the solver is executed.</param>
    /// <param name="evaluations">The program's evaluations with the σ' that samplers inject, or c.</param>
    /// <param name="program">The program, with what runs that began with a picture do instead.</param>
    /// <param name="guided">Per evaluation whether σ' comes from the guidance, where there is any.</param>
    public InterpretedSolver(NetworkInterpreter interpreter, SolverPlan plan, IReadOnlyList<Evaluation> evaluations, SolverProgram program, Func<int, bool> guided)
    {
        (_interpreter, _plan) = (interpreter, plan);
        Map latent = interpreter.Network.Maps.Single(m => m.Name == interpreter.Network.Latent);
        _shape = new(latent.Height, latent.Width, latent.Channels, latent.ElementSize);
        _begin = [.. plan.Begin.Select(run => Compile(run, null))];
        _end = [.. plan.End.Select(run => Compile(run, null))];
        _before = [.. evaluations.Select(e => plan.Before(e).Select(run => Compile(run, null)).ToArray())];
        _steps = [.. evaluations.Select((e, i) => SolverRun.Of(e.Statements)
            .Select(run => Compile(run, guided(i) && e.Injection is { } at ? e.Statements[at] : null)).ToArray())];
        _early = [.. evaluations.Select((_, i) => program.Early(i).Select(statements => SolverRun.Of(statements).Select(run => Compile(run, null)).ToArray()).ToArray())];
    }

    /// <summary>As the generated sampler of a manifest runs it.</summary>
    public static InterpretedSolver Of(CalibrationManifest manifest, NetworkInterpreter interpreter, SolverPlan plan)
    {
        bool[] guided = [.. manifest.Steps.Select(s => s.Covariance.Count > 0)];
        return new(interpreter, plan, [.. manifest.Steps.Select(s => s.Sampled(manifest.Sampling.VarianceCorrection))], manifest.Program, i => guided[i]);
    }

    public void Begin(Execution run) => Run(run, _begin, -1);

    public void Before(Execution run, int step) => Run(run, _before[step], step);

    public void After(Execution run, int step) => Run(run, run.Age(step) is var age && age < _early[step].Length ? _early[step][age] : _steps[step], step);

    public void End(Execution run) => Run(run, _end, _steps.Length);

    /// <param name="Statements">What one call computes.</param>
    /// <param name="Threshold">Instead of statements.</param>
    private sealed record Pass(SolverStatement[] Statements, ThresholdStatement? Threshold);

    private void Run(Execution run, Pass[] passes, int step)
    {
        foreach (Pass pass in passes)
        {
            if (pass.Threshold is { } threshold)
            {
                run.Threshold(step, Place(threshold.Target), threshold.Quantile.Single, threshold.Maximum.Single, _shape);
            }
            else
            {
                run.Solve(step, pass.Statements, _shape);
            }
        }
    }

    /// <param name="run">What one call computes.</param>
    /// <param name="injects">The sum whose last term has σ', which guidance finds for each image; null for none.</param>
    private Pass Compile(SolverRun run, Statement? injects) => run.Statements[0] is ThresholdStatement threshold ? new([], threshold)
        : new([.. run.Statements.Select(s => Compile(s, ReferenceEquals(s, injects)))], null);

    private SolverStatement Compile(Statement statement, bool injects) => statement switch
    {
        LinearStatement { Terms: var terms } => Place(statement.Target).Set(terms.Select((t, i) => injects && i == terms.Count - 1
            ? new StepSigma(t.Coefficient.Single) * Place(t.Register) : t.Coefficient.Single * Place(t.Register)).Aggregate((sum, term) => sum + term)),
        ExponentialSigmaStatement { Removed: { } removed } sigma => Place(sigma.Target).ScaleByExponential(Place(Register.Variance), sigma.Slope.Single, sigma.Offset.Single, new(removed.Single)),
        RootSigmaStatement { Removed: { } removed } => Place(statement.Target).ScaleByRoot(Place(Register.Variance), new(removed.Single)),
        ExponentialSigmaStatement sigma => Place(sigma.Target).ScaleByExponential(Place(Register.Variance), sigma.Slope.Single, sigma.Offset.Single),
        RootSigmaStatement => Place(statement.Target).ScaleByRoot(Place(Register.Variance)),
        ClipStatement clip => Place(clip.Target).Clip(clip.Bound.Single),
        DrawStatement draw => Place(draw.Target).Draw(draw.Draw),
        _ => throw new NotSupportedException($"Samplers have no operation for {statement.GetType().Name}."),
    };

    private SolverRegister Place(Register register) => register.Kind switch
    {
        RegisterKind.Prediction => new(_interpreter.Epsilon),
        RegisterKind.Variance => new(_interpreter.Variance!.Value),
        RegisterKind.Input => new(_interpreter.Latent, bothHalves: true),
        RegisterKind.State when !_plan.ScalesInput => new(_interpreter.Latent, bothHalves: true),
        _ when _plan.Planned.Contains(register) => new(new Activation(_interpreter.Plan[register])),
        _ => SolverRegister.Temporary(_plan.Temporaries.ToList().IndexOf(register)),
    };
}
