using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(LookupOperation operation) => throw NoForm(operation);
}
