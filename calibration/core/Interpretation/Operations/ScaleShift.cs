using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(ScaleShiftOperation o)
    {
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        int vector = o.Vector;
        DynamicMap shape = Shape(_maps[o.Output]);
        return (run, _) => run.ScaleShift(x, y, vector, shape);
    }
}
