using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(ActivationOperation o)
    {
        string function = o.Function switch
        {
            "gelu" => "Gelu",
            "quick_gelu" => "QuickGelu",
            "relu" => "Relu",
            "mish" => "Mish",
            "tanh" => "Tanh",
            _ => "Silu",
        };
        return new MapCall(_shapes.Map(_maps[o.Output]), "Activate", null, _mapNames[o.Input], _mapNames[o.Output], "global::Specializer.CompilerServices.Nonlinearity." + function, Slot(o.Output));
    }
}
