using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(AttentionOperation attention)
    {
        Map map = _maps[attention.Output];
        int heads = attention.Heads, width = map.Channels / heads, tokens = map.Height * map.Width;
        string name = attention.Name;
        // q, k and v lie channel-major: [N, heads, width, tokens] each.
        string qkv = _graph.Node("Reshape", name + ".heads", [_values[attention.Input],
            _graph.Constant<long>($"{name}.qkv_shape", [0, 3 * heads, width, tokens], 4)]);
        string[] parts = _graph.Node("Split", name + ".split", [qkv, _graph.Constant<long>($"{name}.thirds", [heads, heads, heads], 3)],
            [name + ".q", name + ".k", name + ".v"], ("axis", 1));
        _values[attention.Output] = Attend(name, map, width, parts[0], parts[1], parts[2], causal: false);
        return true;
    }
}
