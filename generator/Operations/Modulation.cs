using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(ModulationOperation o) => new ModulateCall(
        _shapes.Map(_maps[o.Output]), _mapNames[o.Input], _mapNames[o.Condition], _mapNames[o.Output], _maps[o.Condition].Channels > _maps[o.Input].Channels);
}

/// <param name="Shape">Shape struct.</param>
/// <param name="X">Map read.</param>
/// <param name="Condition">Map of one pixel.</param>
/// <param name="Y">Map written.</param>
/// <param name="Scales">Whether the condition holds scales, too.</param>
internal sealed record ModulateCall(string Shape, string X, string Condition, string Y, bool Scales) : Call(Shape)
{
    public override string Print(Func<int, string> quantization, string? correction) => $"run.Modulate<{Shape}>(Maps.{X}, Maps.{Condition}, Maps.{Y}, scales: {Literal.Bool(Scales)});";
}
