using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(ResampleOperation o)
    {
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        bool halve = o.Halve;
        DynamicMap shape = Shape(_maps[o.Output]);
        return (run, _) => run.Resample(x, y, halve, shape);
    }
}
