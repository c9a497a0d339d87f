using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(ResampleOperation operation) => throw NoForm(operation);
}
