using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(GegluOperation o)
    {
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        DynamicMap shape = Shape(_maps[o.Output]);
        if (!_maps[o.Output].IsQuantized) return (run, _) => run.GateGelu(x, y, shape);
        int slot = Slot(o.Output);
        return (run, step) => run.GateGeluQuantize(x, y, step.Quantizations[slot], shape);
    }
}
