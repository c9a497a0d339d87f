using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(SelectOperation o) => new SelectCall(_shapes.Map(_maps[o.Input]), _mapNames[o.Input], _mapNames[o.Ids], _mapNames[o.Output], o.Id);
}

/// <param name="Shape">Shape struct.</param>
/// <param name="X">Map read.</param>
/// <param name="Ids">Map of the numbers.</param>
/// <param name="Y">Map written.</param>
/// <param name="Id">The number.</param>
internal sealed record SelectCall(string Shape, string X, string Ids, string Y, int Id) : Call(Shape)
{
    public override string Print(Func<int, string> quantization, string? correction) => $"run.Select<{Shape}>(Maps.{X}, Maps.{Ids}, Maps.{Y}, id: {Literal.Int(Id)});";
}
