using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(LayerNormOperation o) => new MapCall(_shapes.Map(_maps[o.Output]), "LayerNormalize", Weights("NormWeights", o.Name, "gamma and beta of " + Literal.Int(_maps[o.Input].Channels) + " channels"), _mapNames[o.Input], _mapNames[o.Output], Literal.Float(o.Epsilon), Slot(o.Output));
}
