using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(LookupOperation o) => new MapCall(_shapes.Map(_maps[o.Output]), "LookUp", Weights("TableWeights", o.Name, Literal.Int(o.Rows) + " rows, then the positions"), _mapNames[o.Input], _mapNames[o.Output], "rows: " + Literal.Int(o.Rows) + (o.TableBits == 32 ? "" : ", tableBits: " + Literal.Int(o.TableBits)));
}
