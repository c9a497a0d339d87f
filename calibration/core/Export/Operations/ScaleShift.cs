using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(ScaleShiftOperation o)
    {
        string factor = _graph.Node("Add", o.Name + ".factor", [_vectors[o.Vector], _graph.Constant<float>("one", [1])]);
        string x = _graph.Node("Mul", o.Name + ".scaled", [_values[o.Input], factor]);
        _values[o.Output] = _graph.Node("Add", o.Name, [x, _vectors[o.Vector + _maps[o.Output].Channels]]);
        return true;
    }
}
