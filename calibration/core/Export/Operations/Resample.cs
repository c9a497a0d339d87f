using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(ResampleOperation o)
    {
        _values[o.Output] = o.Halve
            ? _graph.Node("AveragePool", o.Name, [_values[o.Input]], ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }))
            : Upsample(o.Name, _values[o.Input], 2);
        return true;
    }
}
