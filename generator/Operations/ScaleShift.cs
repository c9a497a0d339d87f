using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(ScaleShiftOperation o) => new MapCall(_shapes.Map(_maps[o.Output]), "ScaleShift", null, _mapNames[o.Input], _mapNames[o.Output], "vector: " + Literal.Int(o.Vector));
}
