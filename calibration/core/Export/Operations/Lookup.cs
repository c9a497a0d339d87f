using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(LookupOperation o)
    {
        Map map = _maps[o.Output];
        int pixels = (int)map.Pixels;
        string ids = _tokens.TryGetValue(o.Input, out string? given) ? given
            : _graph.Node("Cast", o.Name + ".ids", [_graph.Node("Reshape", o.Name + ".flat", [_values[o.Input], _graph.Constant<long>(o.Name + ".pixels", [0, pixels], 2)])], ("to", OnnxGraph.Int64));
        string table = _graph.Constant<float>(o.Name + ".table", WholeConvolution.Tensor(_tensor, o.Name + ".table", o.Rows * map.Channels), o.Rows, map.Channels);
        string positions = _graph.Constant<float>(o.Name + ".position", WholeConvolution.Tensor(_tensor, o.Name + ".position", pixels * map.Channels), pixels, map.Channels);
        string rows = _graph.Node("Add", o.Name + ".rows", [_graph.Node("Gather", o.Name + ".found", [table, ids]), positions]);
        _values[o.Output] = FromPixels(o.Name, rows, map);
        return true;
    }
}
