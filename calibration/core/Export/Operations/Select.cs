using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(SelectOperation o)
    {
        Map map = _maps[o.Input];
        bool tokens = _tokens.TryGetValue(o.Ids, out string? given);
        string ids = _graph.Node("Reshape", o.Name + ".flat_ids", [given ?? _values[o.Ids], _graph.Constant<long>(o.Name + ".pixels", [0, map.Pixels, 1], 3)]);
        string id = tokens ? _graph.Constant<long>(o.Name + ".id", [o.Id], 1) : _graph.Constant<float>(o.Name + ".id", [o.Id], 1);
        // Of equal largest values the first; without any, all are 0.
        string found = _graph.Node("Cast", o.Name + ".found", [_graph.Node("Equal", o.Name + ".equal", [ids, id])], ("to", OnnxGraph.Int64));
        string index = _graph.Node("ArgMax", o.Name + ".index", [found], ("axis", 1), ("keepdims", 1));
        string every = _graph.Node("Expand", o.Name + ".channels", [index, _graph.Constant<long>(o.Name + ".shape", [1, 1, map.Channels], 3)]);
        _values[o.Output] = FromPixels(o.Name, _graph.Node("GatherElements", o.Name + ".selected", [ToPixels(o.Name, _values[o.Input], map), every], ("axis", 1)), _maps[o.Output]);
        return true;
    }
}
