using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Emit;

/// <summary>Prints how runs begin with pictures.</summary>
internal static class PicturesEmitter
{
    public static void Description(SourceWriter w, SamplerModel model)
    {
        if (!model.Solver.TakesPictures) return;
        w.Line($"Pictures = new({Map(model, Register.Known)}, {Map(model, Register.Mask)},");
        w.Line("[");
        using (w.Indent())
        {
            w.Line("// of each step's states: factor of the picture, factor of the noise");
            foreach (Step step in model.Steps)
                w.Line(step.Evaluation.Start is { } start ? $"new({Literal.Float(start.Known)}, {Literal.Float(start.Noise)})," : "null,");
        }

        w.Line(model.ImageInput is null ? "])," : $"]) {{ Input = Maps.{model.ImageInput}, Encoded = Maps.{model.ImageOutput} }},");
    }

    private static string Map(SamplerModel model, Register register) => $"Maps.{model.SolverMaps.First(m => m.Register == register).Map}";
}
