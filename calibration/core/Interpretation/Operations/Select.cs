using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(SelectOperation o)
    {
        Activation x = Buffer(o.Input), ids = Buffer(o.Ids), y = Buffer(o.Output);
        int id = o.Id;
        DynamicMap shape = Shape(_maps[o.Input]);
        return (run, _) => run.Select(x, ids, y, id, shape);
    }
}
