using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(AttentionOperation o)
    {
        Map output = _maps[o.Output];
        var shape = new DynamicAttention(output.Height * output.Width, o.Heads, output.Channels / o.Heads);
        Activation qkv = Buffer(o.Input), y = Buffer(o.Output);
        int slot = _slots.First(o);
        if (slot < 0) return (run, _) => run.Attend(qkv, y, shape);
        return (run, step) => run.Attend(qkv, y, step.Quantizations[slot], step.Quantizations[slot + 1], step.Quantizations[slot + 2], shape);
    }
}
