using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(CrossAttentionOperation o)
    {
        Map map = _maps[o.Output];
        int heads = o.Heads, width = map.Channels / heads, tokens = (int)map.Pixels, keys = (int)_maps[o.Context].Pixels;
        string query = _graph.Node("Reshape", o.Name + ".q", [_values[o.Input], _graph.Constant<long>(o.Name + ".q_shape", [0, heads, width, tokens], 4)]);
        string context = _graph.Node("Reshape", o.Name + ".kv", [_values[o.Context], _graph.Constant<long>(o.Name + ".kv_shape", [0, 2 * heads, width, keys], 4)]);
        string[] parts = _graph.Node("Split", o.Name + ".split", [context, _graph.Constant<long>(o.Name + ".halves", [heads, heads], 2)], [o.Name + ".k", o.Name + ".v"], ("axis", 1));
        _values[o.Output] = Attend(o.Name, map, width, query, parts[0], parts[1], o.Causal);
        return true;
    }

    /// <summary>Attention over channel-major queries, keys and values, [N, heads, width, tokens] each.</summary>
    private string Attend(string name, Map map, int width, string query, string key, string value, bool causal)
    {
        int[] swap = [0, 1, 3, 2];
        string scores = _graph.Node("MatMul", name + ".scores", [_graph.Node("Transpose", name + ".qt", [query], ("perm", swap)), key]);
        scores = _graph.Node("Mul", name + ".scaled", [scores, _graph.Constant<float>($"{name}.scale", [(float)(1 / Math.Sqrt(width))])]);
        if (causal)
        {
            int tokens = (int)map.Pixels;
            float[] mask = [.. Enumerable.Range(0, tokens * tokens).Select(i => i % tokens <= i / tokens ? 0 : float.NegativeInfinity)];
            scores = _graph.Node("Add", name + ".masked", [scores, _graph.Constant<float>($"causal.{tokens}", mask, tokens, tokens)]);
        }

        string weights = _graph.Node("Softmax", name + ".weights", [scores], ("axis", -1));
        string y = _graph.Node("MatMul", name + ".values", [value, _graph.Node("Transpose", name + ".weightst", [weights], ("perm", swap))]);
        return _graph.Node("Reshape", name, [y, _graph.Constant<long>($"{name}.map_shape", [0, map.Channels, map.Height, map.Width], 4)]);
    }
}
