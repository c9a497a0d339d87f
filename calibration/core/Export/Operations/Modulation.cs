using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(ModulationOperation o)
    {
        // A map of one pixel, [N, C, 1, 1], is added to each.
        string x = _values[o.Input], b = _values[o.Condition];
        int channels = _maps[o.Output].Channels;
        if (_maps[o.Condition].Channels > channels)
        {
            string[] parts = _graph.Node("Split", o.Name + ".split", [b, _graph.Constant<long>(o.Name + ".halves", [channels, channels], 2)], [o.Name + ".s", o.Name + ".b"], ("axis", 1));
            x = _graph.Node("Mul", o.Name + ".scaled", [x, _graph.Node("Add", o.Name + ".factor", [parts[0], _graph.Constant<float>("one", [1])])]);
            b = parts[1];
        }

        _values[o.Output] = _graph.Node("Add", o.Name, [x, b]);
        return true;
    }
}
