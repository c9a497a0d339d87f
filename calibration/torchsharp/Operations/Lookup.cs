using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(LookupOperation o)
    {
        Tensor ids = _values[o.Input];
        Tensor table = Parameters[$"{o.Name}.table"].reshape(o.Rows, -1);
        Tensor rows = table.index_select(0, ids.flatten().to_type(ScalarType.Int64)).reshape(ids.shape[0], -1, table.shape[1]).Plus(Parameters[$"{o.Name}.position"].reshape(-1, table.shape[1]));
        return [(o.Output, rows.transpose(1, 2).reshape(ids.shape[0], -1, ids.shape[2], ids.shape[3]))];
    }
}
