using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(GegluOperation o)
    {
        int channels = _maps[o.Output].Channels;
        string[] halves = _graph.Node("Split", o.Name + ".split", [_values[o.Input], _graph.Constant<long>($"{o.Name}.halves", [channels, channels], 2)],
            [o.Name + ".value", o.Name + ".gate"], ("axis", 1));
        _values[o.Output] = _graph.Node("Mul", o.Name, [halves[0], Activate(o.Name + ".gelu", "gelu", halves[1])]);
        return true;
    }
}
