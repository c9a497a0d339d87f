using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(SelectOperation o)
    {
        Tensor x = _values[o.Input].flatten(2);
        // Of equal largest values the first; without any, all are 0.
        Tensor found = _values[o.Ids].flatten(1).EqualTo(o.Id).to_type(ScalarType.Int32).argmax(1);
        return [(o.Output, x.gather(2, found.reshape(-1, 1, 1).expand(-1, x.shape[1], 1)).unsqueeze(3))];
    }
}
