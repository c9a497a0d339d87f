using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Emit;

/// <summary>Prints many steps: each a short method with the solver's literals, over one body for each pattern of bits, which takes scales and zero points from span tables.</summary>
internal static class TableStepEmitter
{
    /// <summary>The compiler's time grows faster than the length of one table.</summary>
    public const int MaximumTableEntries = 16384;

    private const string ReadOnlySpan = "global::System.ReadOnlySpan";

    public static void Emit(SourceWriter w, SamplerModel model, CancellationToken cancellation)
    {
        int slots = model.Steps[0].Scales.Count;
        int rows = Math.Max(1, MaximumTableEntries / Math.Max(1, slots));
        bool corrected = model.Steps.Any(s => CallEmitter.Correction(s) is not null);
        Pattern[] patterns = Patterns(model.Steps);
        var patternOf = patterns.SelectMany(p => p.Steps.Select(i => (Step: i, Pattern: p))).ToDictionary(x => x.Step, x => x.Pattern);
        Func<string, int, string> table = (name, index) => name + "Table" + (model.Steps.Count <= rows ? "" : Literal.Int(index + 1));

        StepSwitchEmitter.Emit(w, model, i => $"{model.StepMethods[i]}(run)");
        for (int i = 0; i < model.Steps.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Step step = model.Steps[i];
            Pattern pattern = patternOf[i];
            string row = slots == 0 ? "" : $", {table("Scales", i / rows)}.Slice({Literal.Int(i % rows * slots)}, {Literal.Int(slots)}), {table("ZeroPoints", i / rows)}.Slice({Literal.Int(i % rows * slots)}, {Literal.Int(slots)})";
            string correction = corrected ? ", " + (CallEmitter.Correction(step) ?? "default") : "";
            w.Line($"/// <summary>Step {Literal.Int(i)}: {CallEmitter.Describe(step)}.</summary>");
            w.Line($"private static void {model.StepMethods[i]}(global::Specializer.CompilerServices.Execution run)");
            using (w.Block())
            {
                SolverEmitter.Input(w, model, step, Literal.Int(i));
                w.Line($"{pattern.Method}(run, {Literal.Int(i)}{row}{correction});");
                CallEmitter.Guide(w, model, step);
                SolverEmitter.Step(w, model, step, i, Literal.Int(i));
            }

            w.Line();
        }

        foreach (Pattern pattern in patterns) Body(w, model, pattern, slots, corrected);
        for (int first = 0; slots > 0 && first < model.Steps.Count; first += rows)
        {
            int last = Math.Min(first + rows, model.Steps.Count) - 1;
            Print(w, model, table("Scales", first / rows), "float", first, last, s => s.Scales.Select(Literal.Float));
            Print(w, model, table("ZeroPoints", first / rows), "byte", first, last, s => s.ZeroPoints.Select(z => Literal.Int(z)));
        }
    }

    private sealed record Pattern(string Method, EquatableArray<int> Levels, int[] Steps);

    /// <summary>One for each combination of levels, in the order of first use. Called after its bits where that tells them apart.</summary>
    private static Pattern[] Patterns(EquatableArray<Step> steps)
    {
        var patterns = Enumerable.Range(0, steps.Count).GroupBy(i => steps[i].Levels)
            .Select(g => (Levels: g.Key, Bits: steps[g.First()].ActivationBits, Steps: g.ToArray())).ToArray();
        bool byBits = patterns.Select(p => p.Bits).Distinct().Count() == patterns.Length;
        return patterns.Select((p, i) => new Pattern(
            patterns.Length == 1 ? "Evaluate" : byBits ? "EvaluateA" + Literal.Int(p.Bits) : "Evaluate" + Literal.Int(i + 1), p.Levels, p.Steps)).ToArray();
    }

    private static void Body(SourceWriter w, SamplerModel model, Pattern pattern, int slots, bool corrected)
    {
        string bits = string.Join(" and ", pattern.Steps.Select(i => model.Steps[i].ActivationBits).Distinct().OrderBy(b => b).Select(b => Literal.Int(b) + "-bit"));
        w.Line($"/// <summary>The network as {Literal.Int(pattern.Steps.Length)} steps evaluate it: {bits} activations.</summary>");
        w.Line($"private static void {pattern.Method}(global::Specializer.CompilerServices.Execution run, int step"
            + (slots == 0 ? "" : $", {ReadOnlySpan}<float> scales, {ReadOnlySpan}<byte> zeroPoints")
            + (corrected ? ", global::Specializer.CompilerServices.Correction correction)" : ")"));
        using (w.Block())
        {
            CallEmitter.Embed(w, model, "step");
            CallEmitter.Network(w, model.Sections,
                slot => $"new(scales[{Literal.Int(slot)}], zeroPoints[{Literal.Int(slot)}], {Literal.Int(pattern.Levels[slot])})", corrected ? "correction" : null);
            w.Line();
        }

        w.Line();
    }

    private static void Print(
        SourceWriter w, SamplerModel model, string name, string type, int first, int last, Func<Step, IEnumerable<string>> numbers)
    {
        w.Line($"/// <summary>One row for each of the steps {Literal.Int(first)} to {Literal.Int(last)}, one entry for each quantized map.</summary>");
        w.Line($"private static {ReadOnlySpan}<{type}> {name} =>");
        using (w.Elements())
            for (int i = first; i <= last; i++) w.Line(string.Join(", ", numbers(model.Steps[i])) + ",");
        w.Line();
    }
}
