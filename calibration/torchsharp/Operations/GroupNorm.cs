using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(GroupNormOperation o)
    {
        Tensor x = o.Skip is null ? _values[o.Input] : cat([_values[o.Input], _values[o.Skip]], 1);
        Tensor y = nn.functional.group_norm(x, o.Groups, Parameters[$"{o.Name}.weight"], Parameters[$"{o.Name}.bias"], o.Epsilon.Value);
        if (o.Silu) y = nn.functional.silu(y);
        if (o.SkipOutput is null) return [(o.Output, y)];

        int channels = _maps[o.Output].Channels;
        return [(o.Output, y.narrow(1, 0, channels)), (o.SkipOutput, y.narrow(1, channels, _maps[o.SkipOutput].Channels))];
    }
}
