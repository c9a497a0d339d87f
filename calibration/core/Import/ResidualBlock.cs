using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>diffusers' <c>ResnetBlock2D</c>: two convolutions behind group norm and SiLU, around which its input goes.</summary>
internal static class ResidualBlock
{
    /// <param name="network">Receives the operations.</param>
    /// <param name="name">Module path.</param>
    /// <param name="input">Map or skip concatenation read.</param>
    /// <param name="channels">Of the output.</param>
    /// <param name="groups">Of both norms.</param>
    /// <param name="epsilon">Of both norms.</param>
    /// <param name="hasTime">Whether a projection of the time embedding is added between the convolutions.</param>
    /// <param name="scaleFactor">Divides the result.</param>
    public static Map Add(NetworkBuilder network, string name, MapPair input, int channels, int groups, float epsilon, bool hasTime, double scaleFactor = 1)
    {
        // The shortcut first: its (wider) input then dies at the first norm. A concatenation always has more channels than its block's output.
        Map shortcut = input.Channels == channels
            ? input.First
            : network.Convolution($"{name}.conv_shortcut", input, channels, new() { KernelSize = 1 });
        MapPair h = network.GroupNorm($"{name}.norm1", input, groups, epsilon, silu: true);
        int vector = hasTime ? network.Projection($"{name}.time_emb_proj", channels) : -1;
        h = new(network.Convolution($"{name}.conv1", h, channels, new() { Vector = vector }));
        h = network.GroupNorm($"{name}.norm2", h, groups, epsilon, silu: true);
        return network.Convolution($"{name}.conv2", h, channels, new() { Residual = shortcut, OutputScale = 1 / scaleFactor });
    }
}
