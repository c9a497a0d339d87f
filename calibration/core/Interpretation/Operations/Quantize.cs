using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(QuantizeOperation o)
    {
        Activation x = Buffer(o.Input), q = Buffer(o.Output);
        int slot = Slot(o.Output);
        DynamicMap shape = Shape(_maps[o.Output]);
        return (run, step) => run.Quantize(x, q, step.Quantizations[slot], shape);
    }
}
