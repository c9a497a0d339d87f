using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>diffusers' <c>ResnetBlock2D</c>: two convolutions behind group norm and a non-linearity, around which its input goes.</summary>
internal static class ResidualBlock
{
    /// <param name="network">Receives the operations.</param>
    /// <param name="name">Module path.</param>
    /// <param name="input">Map or skip concatenation read.</param>
    /// <param name="channels">Of the output.</param>
    /// <param name="options">How.</param>
    public static Map Add(NetworkBuilder network, string name, MapPair input, int channels, ResidualOptions options)
    {
        // The shortcut first: its (wider) input then dies at the first norm. A concatenation always has more channels than its block's output.
        Map shortcut = input.Channels == channels
            ? input.First
            : network.Convolution($"{name}.conv_shortcut", input, channels, new() { KernelSize = 1 });
        if (options.Resampling != Resampling.None) shortcut = network.Resample($"{name}.shortcut", shortcut, options.Resampling == Resampling.Halve);
        MapPair h = network.GroupNorm($"{name}.norm1", input, options.Groups, options.Epsilon, options.Activation);
        if (options.Resampling == Resampling.Halve) h = new(network.Resample($"{name}.norm1.resampled", h.First, halve: true));
        var (condition, vector) = options.HasTime ? network.Projection($"{name}.time_emb_proj", options.ScaleShift ? 2 * channels : channels) : (null, -1);
        Map first = network.Convolution($"{name}.conv1", h, channels,
            new() { Vector = options.ScaleShift ? -1 : vector, Upsample = options.Resampling == Resampling.Double ? 2 : 1 });
        if (condition is not null && !options.ScaleShift) first = network.Modulate($"{name}.time", first, condition);
        Map normal = network.GroupNorm($"{name}.norm2", new(first), options.Groups, options.Epsilon, options.ScaleShift ? null : options.Activation).First;
        if (options.ScaleShift)
        {
            normal = condition is null ? network.ScaleShift($"{name}.time", normal, vector) : network.Modulate($"{name}.time", normal, condition);
            normal = network.Activation($"{name}.norm2.activation", normal, options.Activation);
        }

        return network.Convolution($"{name}.conv2", new MapPair(normal), channels, new() { Residual = shortcut, OutputScale = 1 / options.ScaleFactor });
    }
}

/// <summary>What a residual block does to its input's size.</summary>
internal enum Resampling
{
    None,
    /// <summary>Averages 2×2 pixels, behind the first norm.</summary>
    Halve,
    /// <summary>Repeats each pixel, behind the first norm.</summary>
    Double,
}

/// <summary>What residual blocks of one network have in common, and how one differs.</summary>
internal sealed record ResidualOptions
{
    /// <summary>Of both norms.</summary>
    public required int Groups { get; init; }
    /// <summary>Of both norms.</summary>
    public required float Epsilon { get; init; }
    /// <summary>Non-linearity behind both norms.</summary>
    public string Activation { get; init; } = "silu";
    /// <summary>Whether a projection of the time embedding comes in.</summary>
    public bool HasTime { get; init; }
    /// <summary>Whether it scales and shifts what the second norm gives; otherwise it is added before that.</summary>
    public bool ScaleShift { get; init; }
    /// <summary>Divides the result.</summary>
    public double ScaleFactor { get; init; } = 1;
    public Resampling Resampling { get; init; }
}
