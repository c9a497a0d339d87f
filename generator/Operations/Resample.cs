using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(ResampleOperation o) => new MapCall(_shapes.Map(_maps[o.Output]), "Resample", null, _mapNames[o.Input], _mapNames[o.Output], "halve: " + Literal.Bool(o.Halve));
}
