using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(CrossAttentionOperation o)
    {
        Tensor x = _values[o.Input], context = _values[o.Context];
        long n = x.shape[0], channels = x.shape[1], height = x.shape[2], width = x.shape[3], head = channels / o.Heads;
        Tensor q = x.reshape(n, o.Heads, head, height * width).transpose(-1, -2);
        Tensor[] kv = context.reshape(n, 2, o.Heads, head, -1).transpose(-1, -2).unbind(1);
        return [(o.Output, nn.functional.scaled_dot_product_attention(q, kv[0], kv[1], is_casual: o.Causal).transpose(-1, -2).reshape(n, channels, height, width))];
    }
}
