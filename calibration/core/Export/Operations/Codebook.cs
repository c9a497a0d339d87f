using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(CodebookOperation o)
    {
        Map map = _maps[o.Output];
        int channels = map.Channels;
        float[] codes = WholeConvolution.Tensor(_tensor, o.Name + ".weight", o.Rows * channels);
        // |x − c|² less |x|², which is the same for all codes: |c|² − 2·x·c.
        float[] norms = [.. codes.Chunk(channels).Select(c => (float)c.Sum(v => (double)v * v))], columns = new float[codes.Length];
        for (int i = 0; i < codes.Length; i++) columns[i % channels * o.Rows + i / channels] = -2 * codes[i];
        string x = ToPixels(o.Name, _values[o.Input], map);
        x = _graph.Node("MatMul", o.Name + ".products", [x, _graph.Constant<float>(o.Name + ".columns", columns, channels, o.Rows)]);
        x = _graph.Node("Add", o.Name + ".distances", [x, _graph.Constant<float>(o.Name + ".norms", norms, o.Rows)]);
        x = _graph.Node("ArgMin", o.Name + ".nearest", [x], ("axis", -1), ("keepdims", 0));
        x = _graph.Node("Gather", o.Name + ".codes", [_graph.Constant<float>(o.Name + ".weight", codes, o.Rows, channels), x]);
        _values[o.Output] = FromPixels(o.Name, x, map);
        return true;
    }
}
