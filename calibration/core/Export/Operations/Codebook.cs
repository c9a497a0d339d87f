using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(CodebookOperation operation) => throw NoForm(operation);
}
