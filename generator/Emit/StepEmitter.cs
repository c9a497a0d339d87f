using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Emit;

/// <summary>Prints each step as a method of its own, with all its numbers as literals, over one body for each pattern of bits, in which every operation is a call that
/// takes the step's scale and zero point. Every operation in every step would be hundreds of times as many calls to compile, and for the JIT to compile again.</summary>
internal static class StepEmitter
{
    // Above it names and short lines would be two thirds of megabytes.
    private const int MostNamedRows = 1 << 13, UnnamedPerLine = 16;

    private const string Execution = "global::Specializer.CompilerServices.Execution", ReadOnlySpan = "global::System.ReadOnlySpan";

    public static void Emit(SourceWriter w, SamplerModel model, CancellationToken cancellation)
    {
        Pattern[] patterns = Patterns(model.Steps);
        var patternOf = patterns.SelectMany(p => p.Steps.Select(i => (Step: i, Pattern: p))).ToDictionary(x => x.Step, x => x.Pattern);
        SlotRow[] rows = Rows(model);
        var places = rows.SelectMany(r => r.Slots).Select((slot, at) => (Slot: slot, At: Literal.Int(at))).ToDictionary(p => p.Slot, p => p.At);
        bool corrected = model.Steps.Any(s => CallEmitter.Correction(s) is not null);
        SlotRow[] further = model.Steps.Count * rows.Length <= MostNamedRows ? rows : Unnamed(rows);

        Switch(w, model);
        for (int i = 0; i < model.Steps.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Method(w, model, i, patternOf[i].Method, i == 0 ? rows : further, corrected);
        }

        foreach (Pattern pattern in patterns) Body(w, model, pattern, places, corrected);
    }

    private sealed record Pattern(string Method, EquatableArray<int> Levels, int[] Steps);

    private sealed record SlotRow(string? Module, int[] Slots);

    /// <summary>One for each combination of levels, in the order of first use. Called after its bits where that tells them apart.</summary>
    private static Pattern[] Patterns(EquatableArray<Step> steps)
    {
        var patterns = Enumerable.Range(0, steps.Count).GroupBy(i => steps[i].Levels)
            .Select(g => (Levels: g.Key, Bits: steps[g.First()].ActivationBits, Steps: g.ToArray())).ToArray();
        bool byBits = patterns.Select(p => p.Bits).Distinct().Count() == patterns.Length;
        return patterns.Select((p, i) => new Pattern(
            patterns.Length == 1 ? "Evaluate" : byBits ? "EvaluateA" + Literal.Int(p.Bits) : "Evaluate" + Literal.Int(i + 1), p.Levels, p.Steps)).ToArray();
    }

    /// <summary>The slots that each module is the first to use, in the order of use, which is that of the literals.</summary>
    private static SlotRow[] Rows(SamplerModel model)
    {
        var seen = new HashSet<int>();
        var rows = new List<SlotRow>();
        foreach (Section section in model.Sections)
        {
            var own = new List<int>();
            foreach (Call call in section.Calls)
                call.Print(slot =>
                {
                    if (seen.Add(slot)) own.Add(slot);
                    return "";
                }, null);
            if (own.Count > 0) rows.Add(new(section.Module, [.. own]));
        }

        return [.. rows];
    }

    private static SlotRow[] Unnamed(SlotRow[] rows) =>
        [.. rows.SelectMany(r => r.Slots).Select((slot, at) => (slot, Line: at / UnnamedPerLine)).GroupBy(p => p.Line).Select(line => new SlotRow(null, [.. line.Select(p => p.slot)]))];

    private static void Switch(SourceWriter w, SamplerModel model)
    {
        w.Line("/// <inheritdoc/>");
        w.Line($"{SamplerEmitter.Access(model)} override void RunStep(int step, {Execution} run)");
        using (w.Block())
        {
            w.Line("switch (step)");
            using (w.Block())
            {
                for (int i = 0; i < model.Steps.Count; i++) w.Line($"case {Literal.Int(i)}: {model.StepMethods[i]}(run); break;");
                w.Line($"default: throw new global::System.ArgumentOutOfRangeException(nameof(step), step, \"Steps are 0 to {Literal.Int(model.Steps.Count - 1)}.\");");
            }
        }

        w.Line();
    }

    private static void Method(SourceWriter w, SamplerModel model, int index, string body, SlotRow[] rows, bool corrected)
    {
        Step step = model.Steps[index];
        string text = Literal.Int(index);
        w.Line($"/// <summary>Step {text}: {CallEmitter.Describe(step)}.</summary>");
        w.Line($"private static void {model.StepMethods[index]}({Execution} run)");
        using (w.Block())
        {
            SolverEmitter.Input(w, model, index);
            string correction = corrected ? ", correction: " + (CallEmitter.Correction(step) ?? "default") : "";
            if (rows.Length == 0)
            {
                w.Line($"{body}(run, step: {text}{correction});");
            }
            else
            {
                w.Line($"{body}(run, step: {text}, scales:{(rows[0].Module is null ? $" // in the order of {model.StepMethods[0]}, which names them" : "")}");
                using (w.Elements("],"))
                    foreach (SlotRow row in rows) w.Line($"{string.Join(", ", row.Slots.Select(slot => Literal.Float(step.Scales[slot])))},{(row.Module is null ? "" : $" // {row.Module}")}");
                w.Line("zeroPoints:");
                using (w.Elements($"]{correction});"))
                    foreach (SlotRow row in rows) w.Line(string.Join(", ", row.Slots.Select(slot => Literal.Int(step.ZeroPoints[slot]))) + ",");
            }

            CallEmitter.Guide(w, model, step);
            SolverEmitter.Step(w, model, index);
        }

        w.Line();
    }

    private static void Body(SourceWriter w, SamplerModel model, Pattern pattern, Dictionary<int, string> places, bool corrected)
    {
        string bits = string.Join(" and ", pattern.Steps.Select(i => model.Steps[i].ActivationBits).Distinct().OrderBy(b => b).Select(b => Literal.Int(b) + "-bit"));
        string steps = pattern.Steps.Length == 1 ? "one step evaluates" : $"{Literal.Int(pattern.Steps.Length)} steps evaluate";
        w.Line($"/// <summary>The network as {steps} it: {bits} activations.</summary>");
        w.Line($"private static void {pattern.Method}({Execution} run, int step"
            + (places.Count == 0 ? "" : $", {ReadOnlySpan}<float> scales, {ReadOnlySpan}<byte> zeroPoints")
            + (corrected ? ", global::Specializer.CompilerServices.Correction correction)" : ")"));
        using (w.Block())
        {
            CallEmitter.Embed(w, model, "step");
            CallEmitter.Network(w, model.Sections,
                slot => $"new(scales[{places[slot]}], zeroPoints[{places[slot]}], {Literal.Int(pattern.Levels[slot])})", corrected ? "correction" : null);
        }

        w.Line();
    }
}
