using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(LinearMapOperation o)
    {
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        float scale = o.Scale.Single, offset = o.Offset.Single;
        DynamicMap shape = Shape(_maps[o.Output]);
        return (run, _) => run.MapLinear(x, y, scale, offset, shape);
    }
}
