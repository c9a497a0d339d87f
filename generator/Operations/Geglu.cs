using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(GegluOperation o) => new MapCall(_shapes.Map(_maps[o.Output]), "GateGelu", null, _mapNames[o.Input], _mapNames[o.Output], null, Slot(o.Output));
}
