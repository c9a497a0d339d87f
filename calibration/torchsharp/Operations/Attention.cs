using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

internal partial class TorchOperations
{
    public IEnumerable<(string Map, Tensor Value)> Visit(AttentionOperation o)
    {
        Tensor qkv = _values[o.Input];
        long n = qkv.shape[0], channels = qkv.shape[1] / 3, height = qkv.shape[2], width = qkv.shape[3];
        Tensor[] parts = qkv.reshape(n, 3, o.Heads, channels / o.Heads, height * width).transpose(-1, -2).unbind(1);
        return [(o.Output, nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]).transpose(-1, -2).reshape(n, channels, height, width))];
    }
}
