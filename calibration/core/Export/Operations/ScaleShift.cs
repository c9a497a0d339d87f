using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(ScaleShiftOperation operation) => throw NoForm(operation);
}
