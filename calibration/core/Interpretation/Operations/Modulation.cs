using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(ModulationOperation o)
    {
        Activation x = Buffer(o.Input), condition = Buffer(o.Condition), y = Buffer(o.Output);
        bool scales = _maps[o.Condition].Channels > _maps[o.Input].Channels;
        DynamicMap shape = Shape(_maps[o.Output]);
        return (run, _) => run.Modulate(x, condition, y, scales, shape);
    }
}
