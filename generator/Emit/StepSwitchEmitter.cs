using Specializer.Generator.Model;

namespace Specializer.Generator.Emit;

/// <summary>Prints the override that finds a step's method.</summary>
internal static class StepSwitchEmitter
{
    public static string Access(GeneratedType type) => type.SeesInternals ? "protected internal" : "protected";

    /// <param name="w">Destination.</param>
    /// <param name="model">The sampler.</param>
    /// <param name="call">Call of the method of step i.</param>
    public static void Emit(SourceWriter w, SamplerModel model, Func<int, string> call)
    {
        w.Line("/// <inheritdoc/>");
        w.Line($"{Access(model)} override void RunStep(int step, global::Specializer.CompilerServices.Execution run)");
        using (w.Block())
        {
            w.Line("switch (step)");
            using (w.Block())
            {
                for (int i = 0; i < model.Steps.Count; i++) w.Line($"case {Literal.Int(i)}: {call(i)}; break;");
                w.Line($"default: throw new global::System.ArgumentOutOfRangeException(nameof(step), step, \"Steps are 0 to {Literal.Int(model.Steps.Count - 1)}.\");");
            }
        }

        w.Line();
    }
}
