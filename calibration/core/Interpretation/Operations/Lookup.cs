using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(LookupOperation o)
    {
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        var weights = new TableWeights(Layout[o.Name]);
        int rows = o.Rows, bits = o.TableBits;
        DynamicMap shape = Shape(_maps[o.Output]);
        return (run, _) => run.LookUp(weights, x, y, rows, bits, shape);
    }
}
