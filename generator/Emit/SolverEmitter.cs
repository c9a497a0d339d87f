using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Emit;

/// <summary>Prints a solver: its registers, and a call for each pass with the coefficients as literals.</summary>
internal static class SolverEmitter
{
    private const string SolverRegister = "global::Specializer.CompilerServices.SolverRegister";

    public static void Registers(SourceWriter w, SamplerModel model)
    {
        w.Line("// The solver's registers (docs/arithmetic.md): X the state, M the prediction, H and S what is kept of former steps; D and Z last no longer than a pass.");
        Print("X", $"new(Maps.{model.StateMap}{(model.Solver.ScalesInput ? "" : ", bothHalves: true")})");
        if (model.Solver.ScalesInput) Print("Input", $"new(Maps.{model.Latent}, bothHalves: true)");
        Print("M", $"new(Maps.{model.Epsilon})");
        if (model.Variance is { } variance) Print("V", $"new(Maps.{variance})");
        foreach (SolverMap map in model.SolverMaps.Where(m => m.Register.Kind is not (RegisterKind.State or RegisterKind.Known or RegisterKind.Mask))) Print(Name(map.Register), $"new(Maps.{map.Map})");
        for (int i = 0; i < model.Solver.Temporaries.Count; i++) Print(Name(model.Solver.Temporaries[i]), $"{SolverRegister}.Temporary({Literal.Int(i)})");
        w.Line();

        void Print(string name, string value) => w.Line($"private static {SolverRegister} {name} => {value};");
    }

    /// <summary>The members that begin and end a run.</summary>
    public static void Ends(SourceWriter w, SamplerModel model)
    {
        Member("RunBegin", model.Solver.Begin, -1);
        if (model.Solver.End.Any()) Member("RunEnd", model.Solver.End, model.Steps.Count);

        void Member(string name, IEnumerable<SolverRun> runs, int step)
        {
            w.Line("/// <inheritdoc/>");
            w.Line($"{SamplerEmitter.Access(model)} override void {name}(global::Specializer.CompilerServices.Execution run)");
            using (w.Block())
                foreach (SolverRun pass in runs) Pass(w, model, pass, step, null);
            w.Line();
        }
    }

    /// <summary>What an evaluation begins with.</summary>
    public static void Input(SourceWriter w, SamplerModel model, int index)
    {
        foreach (SolverRun pass in model.Solver.Before(model.Steps[index].Evaluation)) Pass(w, model, pass, index, null);
    }

    /// <summary>What follows an evaluation.</summary>
    public static void Step(SourceWriter w, SamplerModel model, int index)
    {
        Step step = model.Steps[index];
        bool guided = step.Covariance.Count > 0;
        // Under guidance σ' is known when a picture is asked for, and is the step's own otherwise.
        Evaluation evaluation = step.Sampled(model.Sampling.VarianceCorrection);
        Statement? injects = guided ? evaluation.Injection is { } at ? evaluation.Statements[at] : null : null;
        EquatableArray<EquatableArray<Statement>> early = model.Early[index];
        if (early.Count == 0)
        {
            Passes(evaluation.Statements, injects);
            return;
        }

        w.Line($"switch (run.Age({Literal.Int(index)}))");
        using (w.Block())
        {
            for (int age = 0; age < early.Count; age++) Case($"case {Literal.Int(age)}:", early[age], null);
            Case("default:", evaluation.Statements, injects);
        }

        void Case(string label, EquatableArray<Statement> statements, Statement? own)
        {
            w.Line(label);
            using (w.Indent())
            {
                Passes(statements, own);
                w.Line("break;");
            }
        }

        void Passes(EquatableArray<Statement> statements, Statement? own)
        {
            foreach (SolverRun pass in SolverRun.Of(statements)) Pass(w, model, pass, index, own);
        }
    }

    private static void Pass(SourceWriter w, SamplerModel model, SolverRun pass, int step, Statement? injects)
    {
        if (pass.Statements[0] is ThresholdStatement threshold)
        {
            w.Line($"run.Threshold<{model.State}>(step: {Literal.Int(step)}, {Name(threshold.Target)}, quantile: {Literal.Float(threshold.Quantile)}, maximum: {Literal.Float(threshold.Maximum)});");
            return;
        }

        w.Line($"run.Solve<{model.State}>(step: {Literal.Int(step)},");
        w.Line("[");
        using (w.Indent())
            foreach (Statement statement in pass.Statements) w.Line(Print(statement, ReferenceEquals(statement, injects)) + ",");
        w.Line("]);");
    }

    private static string Print(Statement statement, bool injects) => Name(statement.Target) + statement switch
    {
        LinearStatement { Terms: var terms } => $".Set({string.Join(" + ", terms.Select((t, i) =>
            $"{(injects && i == terms.Count - 1 ? StepSigma(t.Coefficient) : Literal.Float(t.Coefficient))} * {Name(t.Register)}"))})",
        ExponentialSigmaStatement sigma => $".ScaleByExponential(V, {Literal.Float(sigma.Slope)}, {Literal.Float(sigma.Offset)}{Removed(sigma)})",
        RootSigmaStatement sigma => $".ScaleByRoot(V{Removed(sigma)})",
        ClipStatement clip => $".Clip({Literal.Float(clip.Bound)})",
        _ => $".Draw({Literal.Int(((DrawStatement)statement).Draw)})",
    };

    private static string Removed(LearnedSigmaStatement sigma) => sigma.Removed is { } removed ? $", {StepSigma(removed)}" : "";

    private static string StepSigma(Number calibrated) => $"new global::Specializer.CompilerServices.StepSigma({Literal.Float(calibrated)})";

    private static string Name(Register register) => register == Register.Input ? "Input" : register.ToString().ToUpperInvariant();
}
