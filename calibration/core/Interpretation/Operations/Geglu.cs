using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(GegluOperation o)
    {
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        DynamicMap shape = Shape(_maps[o.Output]);
        return (run, _) => run.GateGelu(x, y, shape);
    }
}
