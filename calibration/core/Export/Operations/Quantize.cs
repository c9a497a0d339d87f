using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(QuantizeOperation operation) => throw NoForm(operation);
}
