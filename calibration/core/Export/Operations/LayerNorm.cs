using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(LayerNormOperation o)
    {
        int channels = _maps[o.Input].Channels;
        string Affine(string suffix) => _graph.Constant<float>($"{o.Name}.{suffix}", WholeConvolution.Tensor(_tensor, $"{o.Name}.{suffix}", channels), channels);
        // The operator takes the last dimensions; channels are the second.
        string x = _graph.Node("Transpose", o.Name + ".pixels", [_values[o.Input]], ("perm", s_channelsLast));
        x = _graph.Node("LayerNormalization", o.Name + ".normalized", [x, Affine("weight"), Affine("bias")], ("axis", -1), ("epsilon", o.Epsilon.Single));
        _values[o.Output] = _graph.Node("Transpose", o.Name, [x], ("perm", s_channelsFirst));
        return true;
    }
}
