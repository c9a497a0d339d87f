using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(CodebookOperation o)
    {
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        var weights = new TableWeights(Layout[o.Name]);
        int rows = o.Rows;
        DynamicMap shape = Shape(_maps[o.Output]);
        return (run, _) => run.FindNearest(weights, x, y, rows, shape);
    }
}
