using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(ModulationOperation operation) => throw NoForm(operation);
}
