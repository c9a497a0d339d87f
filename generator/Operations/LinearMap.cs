using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(LinearMapOperation o) => new MapCall(_shapes.Map(_maps[o.Output]), "MapLinear", null, _mapNames[o.Input], _mapNames[o.Output], $"scale: {Literal.Float(o.Scale)}, offset: {Literal.Float(o.Offset)}");
}
