using Specializer.Manifest;

namespace Specializer.Calibration;

internal sealed partial class NetworkInterpreter
{
    public Instruction Visit(LayerNormOperation o)
    {
        Activation x = Buffer(o.Input), y = Buffer(o.Output);
        var weights = new NormWeights(Layout[o.Name]);
        float epsilon = o.Epsilon.Single;
        DynamicMap shape = Shape(_maps[o.Output]);
        if (!_maps[o.Output].IsQuantized) return (run, _) => run.LayerNormalize(weights, x, y, epsilon, shape);
        int slot = Slot(o.Output);
        return (run, step) => run.LayerNormalizeQuantize(weights, x, y, step.Quantizations[slot], epsilon, shape);
    }
}
