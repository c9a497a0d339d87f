using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(LinearMapOperation o)
    {
        string x = _graph.Node("Mul", o.Name + ".scaled", [_values[o.Input], _graph.Constant<float>(o.Name + ".scale", [o.Scale.Single])]);
        _values[o.Output] = _graph.Node("Add", o.Name, [x, _graph.Constant<float>(o.Name + ".offset", [o.Offset.Single])]);
        return true;
    }
}
