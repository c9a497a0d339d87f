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
        int[] swap = [0, 1, 3, 2];
        string scores = _graph.Node("MatMul", name + ".scores", [_graph.Node("Transpose", name + ".qt", [parts[0]], ("perm", swap)), parts[1]]);
        string scale = _graph.Constant<float>($"{name}.scale", [(float)(1 / Math.Sqrt(width))]);
        string weights = _graph.Node("Softmax", name + ".weights", [_graph.Node("Mul", name + ".scaled", [scores, scale])], ("axis", -1));
        string y = _graph.Node("MatMul", name + ".values", [parts[2], _graph.Node("Transpose", name + ".weightst", [weights], ("perm", swap))]);
        _values[attention.Output] = _graph.Node("Reshape", name,
            [y, _graph.Constant<long>($"{name}.map_shape", [0, map.Channels, map.Height, map.Width], 4)]);
        return true;
    }
}
