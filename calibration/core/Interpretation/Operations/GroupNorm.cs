using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(GroupNormOperation o)
    {
        Map output = _maps[o.Output];
        var shape = new DynamicGroupNorm(
            output.Height, output.Width, output.Channels, o.Skip is null ? 0 : _maps[o.Skip].Channels, o.Groups, o.Epsilon.Single,
            o.Silu ? Nonlinearity.Silu : Nonlinearity.None, output.ElementSize);
        var weights = new NormWeights(Layout[o.Name]);
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        Activation skip = o.Skip is null ? default : Buffer(o.Skip), ySkip = o.SkipOutput is null ? default : Buffer(o.SkipOutput);
        if (!output.IsQuantized) return (run, _) => run.Normalize(weights, x, y, skip, ySkip, shape);

        int slot = Slot(o.Output);
        if (o.SkipOutput is null) return (run, step) => run.NormalizeQuantize(weights, x, y, step.Quantizations[slot], shape: shape);
        int skipSlot = Slot(o.SkipOutput);
        return (run, step) => run.NormalizeQuantize(weights, x, y, step.Quantizations[slot], skip, ySkip, step.Quantizations[skipSlot], shape);
    }
}
