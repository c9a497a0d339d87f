using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(CrossAttentionOperation o)
    {
        Map output = _maps[o.Output];
        var shape = new DynamicCrossAttention((int)output.Pixels, (int)_maps[o.Context].Pixels, o.Heads, output.Channels / o.Heads, o.Causal);
        Activation query = Buffer(o.Input), context = Buffer(o.Context), y = Buffer(o.Output);
        int slot = _slots.First(o);
        if (slot < 0) return (run, _) => run.AttendCross(query, context, y, shape);
        return (run, step) => run.AttendCross(query, context, y, step.Quantizations[slot], step.Quantizations[slot + 1], step.Quantizations[slot + 2], shape);
    }
}
