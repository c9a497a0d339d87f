using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(CodebookOperation o) => new MapCall(_shapes.Map(_maps[o.Output]), "FindNearest", Weights("TableWeights", o.Name, Literal.Int(o.Rows) + " rows"), _mapNames[o.Input], _mapNames[o.Output], "rows: " + Literal.Int(o.Rows));
}
