using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(LayerNormOperation o)
    {
        // libtorch normalises the last dimensions; channels are the second.
        Tensor x = _values[o.Input].permute(0, 2, 3, 1);
        Tensor y = nn.functional.layer_norm(x, [x.shape[3]], Parameters[$"{o.Name}.weight"], Parameters[$"{o.Name}.bias"], o.Epsilon.Value);
        return [(o.Output, y.permute(0, 3, 1, 2))];
    }
}
