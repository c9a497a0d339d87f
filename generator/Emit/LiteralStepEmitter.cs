using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Emit;

/// <summary>Prints each step as a method in which every operation is a call with its literals. Steps with equal numbers share one.</summary>
internal static class LiteralStepEmitter
{
    public static void Emit(SourceWriter w, SamplerModel model, CancellationToken cancellation)
    {
        // Two steps are equal when their bodies are, the step's index apart, which a shared method takes as its argument.
        int[][] groups = Enumerable.Range(0, model.Steps.Count)
            .GroupBy(i => Numbers(model, i)).Select(g => g.ToArray()).ToArray();
        var groupOf = groups.SelectMany(g => g.Select(i => (Step: i, Group: g))).ToDictionary(p => p.Step, p => p.Group);

        StepSwitchEmitter.Emit(w, model, i =>
            $"{model.StepMethods[groupOf[i][0]]}(run{(groupOf[i].Length > 1 ? ", step" : "")})");
        foreach (int[] group in groups)
        {
            cancellation.ThrowIfCancellationRequested();
            Method(w, model, group);
        }
    }

    private static void Method(SourceWriter w, SamplerModel model, int[] group)
    {
        Step step = model.Steps[group[0]];
        bool shared = group.Length > 1;
        string index = shared ? "step" : Literal.Int(group[0]);
        if (shared)
        {
            w.Line("/// <summary>Steps with the same numbers:");
            foreach (int i in group) w.Line($"/// step {Literal.Int(i)}: {CallEmitter.Describe(model.Steps[i])};");
            w.Line("/// </summary>");
        }
        else
        {
            w.Line($"/// <summary>Step {Literal.Int(group[0])}: {CallEmitter.Describe(step)}.</summary>");
        }

        w.Line($"private static void {model.StepMethods[group[0]]}(global::Specializer.CompilerServices.Execution run{(shared ? ", int step" : "")})");
        using (w.Block())
        {
            SolverEmitter.Input(w, model, step, index);
            CallEmitter.Embed(w, model, index);
            CallEmitter.Network(w, model.Sections, new Column(step.Scales, step.ZeroPoints, step.Levels).Print, CallEmitter.Correction(step));
            w.Line();
            CallEmitter.Guide(w, model, step);
            SolverEmitter.Step(w, model, step, group[0], index);
        }

        w.Line();
    }

    /// <summary>The step without what is only printed as comment or not at all, with the draw of its own noise as that of any step's; and σ where guidance prints it.</summary>
    private static (Step, Number?, EquatableArray<EquatableArray<Statement>>) Numbers(SamplerModel model, int index)
    {
        Step step = model.Steps[index];
        Number none = default;
        bool guided = step.Covariance.Count > 0;
        EquatableArray<Statement> AnyStep(EquatableArray<Statement> own) => own.Select(s => s is DrawStatement draw && draw.Draw == index ? draw with { Draw = int.MinValue } : s).ToEquatableArray();
        return (step with
        {
            Evaluation = step.Evaluation with { Timestep = none, Statements = AnyStep(step.Evaluation.WithSigma(step.CalibratedSigma, keep: true).Statements), Start = null },
            ActivationBits = 0,
            K = none,
            RSquared = none,
            NoiseVariance = none,
            SnrDb = none,
            Lambda = guided ? step.Lambda : none,
        }, guided ? step.Sigma : null, model.Early[index].Select(AnyStep).ToEquatableArray());
    }
}
