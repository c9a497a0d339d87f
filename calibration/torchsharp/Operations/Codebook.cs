using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(CodebookOperation o)
    {
        Tensor x = _values[o.Input], codebook = Parameters[$"{o.Name}.weight"].reshape(o.Rows, -1);
        Tensor pixels = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]);
        Tensor nearest = codebook.index_select(0, cdist(pixels, codebook).argmin(1));
        return [(o.Output, nearest.reshape(x.shape[0], x.shape[2], x.shape[3], x.shape[1]).permute(0, 3, 1, 2))];
    }
}
