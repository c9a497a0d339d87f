using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(ActivationOperation o)
    {
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        Nonlinearity function = o.Function switch
        {
            "silu" => Nonlinearity.Silu,
            "gelu" => Nonlinearity.Gelu,
            "quick_gelu" => Nonlinearity.QuickGelu,
            "relu" => Nonlinearity.Relu,
            "mish" => Nonlinearity.Mish,
            "tanh" => Nonlinearity.Tanh,
            _ => throw new NotSupportedException($"The function {Names.Quote(o.Function)} of the operation '{o.Name}' is unknown."),
        };
        DynamicMap shape = Shape(_maps[o.Output]);
        if (!_maps[o.Output].IsQuantized) return (run, _) => run.Activate(x, y, function, shape);
        int slot = Slot(o.Output);
        return (run, step) => run.ActivateQuantize(x, y, step.Quantizations[slot], function, shape);
    }
}
