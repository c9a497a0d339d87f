using Specializer.Manifest;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>A network's operations on tensors [n, c, h, w], in FP32 and differentiable.</summary>
internal class TorchOperations(Network network, TorchParameters parameters)
{
    private readonly Dictionary<string, Map> _maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);

    protected TorchParameters Parameters { get; } = parameters;

    /// <summary>Runs one operation.</summary>
    /// <param name="operation">Of the network.</param>
    /// <param name="maps">Holds its inputs; its outputs are put in.</param>
    /// <param name="vectors">Step vectors [n, V].</param>
    public void Run(Operation operation, IDictionary<string, Tensor> maps, Tensor? vectors)
    {
        switch (operation)
        {
            case QuantizeOperation o:
                maps[o.Output] = Store(o.Output, maps[o.Input]);
                break;
            case GroupNormOperation o:
                Normalize(o, maps);
                break;
            case ConvolutionOperation o:
                maps[o.Output] = Convolve(o, maps, vectors);
                break;
            case AttentionOperation o:
                maps[o.Output] = Attend(maps[o.Input], o.Heads);
                break;
            default:
                throw new NotSupportedException($"The operation '{operation.Name}' is of a kind that the engine 'torchsharp' does not know.");
        }
    }

    /// <summary>What a map holds when a value is written to it.</summary>
    protected virtual Tensor Store(string map, Tensor value) => value;

    /// <summary>Weights [O, I, K, K] and bias of a convolution.</summary>
    protected virtual (Tensor Weight, Tensor Bias) Weights(ConvolutionOperation o) => (Parameters[$"{o.Name}.weight"], Parameters[$"{o.Name}.bias"]);

    private void Normalize(GroupNormOperation o, IDictionary<string, Tensor> maps)
    {
        Tensor x = o.Skip is null ? maps[o.Input] : cat([maps[o.Input], maps[o.Skip]], 1);
        Tensor y = nn.functional.group_norm(x, o.Groups, Parameters[$"{o.Name}.weight"], Parameters[$"{o.Name}.bias"], o.Epsilon.Value);
        if (o.Silu) y = nn.functional.silu(y);
        if (o.SkipOutput is null)
        {
            maps[o.Output] = Store(o.Output, y);
            return;
        }

        int channels = _maps[o.Output].Channels;
        maps[o.Output] = Store(o.Output, y.narrow(1, 0, channels));
        maps[o.SkipOutput] = Store(o.SkipOutput, y.narrow(1, channels, _maps[o.SkipOutput].Channels));
    }

    private Tensor Convolve(ConvolutionOperation o, IDictionary<string, Tensor> maps, Tensor? vectors)
    {
        Map from = _maps[o.Input], to = _maps[o.Output];
        Tensor x = maps[o.Input];
        if (o.Upsample > 1) x = nn.functional.interpolate(x, scale_factor: [o.Upsample, o.Upsample]);
        // Rows below and columns to the right follow from the size of the output; libtorch's own padding is the same on both sides.
        int bottom = (to.Height - 1) * o.Stride + o.KernelSize - from.Height * o.Upsample - o.PaddingTop;
        int right = (to.Width - 1) * o.Stride + o.KernelSize - from.Width * o.Upsample - o.PaddingLeft;
        if (bottom != 0 || right != 0 || o.PaddingTop != 0 || o.PaddingLeft != 0) x = nn.functional.pad(x, [o.PaddingLeft, right, o.PaddingTop, bottom]);
        var (weight, bias) = Weights(o);
        Tensor y = nn.functional.conv2d(x, weight, bias, strides: [o.Stride, o.Stride]);
        if (o.Vector >= 0) y = y.Plus(vectors!.narrow(1, o.Vector, to.Channels).unsqueeze(-1).unsqueeze(-1));
        if (o.Residual is not null) y = y.Plus(maps[o.Residual]);
        return o.OutputScale.Value == 1 ? y : y.Times(o.OutputScale.Single());
    }

    private static Tensor Attend(Tensor qkv, int heads)
    {
        long n = qkv.shape[0], channels = qkv.shape[1] / 3, height = qkv.shape[2], width = qkv.shape[3];
        Tensor[] parts = qkv.reshape(n, 3, heads, channels / heads, height * width).transpose(-1, -2).unbind(1);
        return nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]).transpose(-1, -2).reshape(n, channels, height, width);
    }
}
