using Specializer.Manifest;

namespace Specializer.Calibration.Tests.Export;

/// <summary>A network with every kind of FP32 operation: strided, upsampling and split convolutions, norms over one and two maps, attention, step vectors.</summary>
internal static class SmallNetwork
{
    public static Network Network { get; } = new(
        "latent", "epsilon",
        new[]
        {
            Float("latent", 4, 3), Float("conv_in", 4, 4), Float("down", 2, 6), Float("up", 4, 6), Float("norm.0", 4, 6), Float("norm.1", 4, 4),
            Float("conv1.0", 4, 4), Float("conv1.1", 4, 4), Float("qkv", 4, 12), Float("heads", 4, 4), Float("out", 4, 4), Float("epsilon", 4, 3),
        }.ToEquatableArray(),
        new(5, 2, 8),
        new Operation[]
        {
            Convolution("conv_in", "latent", "conv_in", 3) with { Vector = 4 },
            Convolution("down", "conv_in", "down", 3) with { Stride = 2, PaddingTop = 0, PaddingLeft = 0 },
            Convolution("up", "down", "up", 3) with { Upsample = 2 },
            new GroupNormOperation("norm", "up", "norm.0", "conv_in", "norm.1", 2, new("1e-5"), true),
            Convolution("conv1.0", "norm.0", "conv1.0", 3) with { Vector = 0 },
            Convolution("conv1.1", "norm.1", "conv1.1", 3) with { Residual = "conv1.0" },
            Convolution("qkv", "conv1.1", "qkv", 1),
            new AttentionOperation("attention", "qkv", "heads", 2),
            Convolution("out", "heads", "out", 1) with { Residual = "conv1.1", OutputScale = new("0.5") },
            Convolution("conv_out", "out", "epsilon", 3),
        }.ToEquatableArray());

    /// <summary>Tensors whose every element is different.</summary>
    public static float[] Tensor(string name)
    {
        var random = new Random(name.Length + name[0] + name[^1]);
        return [.. Enumerable.Range(0, Length(name)).Select(_ => random.NextSingle() - 0.4f)];
    }

    private static int Length(string name)
    {
        if (name.StartsWith("norm.", StringComparison.Ordinal)) return 10;
        switch (name)
        {
            case "embedding.time": return 7 * 5;
            case "embedding.label": return 2 * 5;
            case "embedding.weight": return 8 * 5;
            case "embedding.bias": return 8;
        }

        int dot = name.LastIndexOf('.');
        var o = Network.Operations.OfType<ConvolutionOperation>().Single(o => o.Name == name[..dot]);
        int outputs = Channels(o.Output);
        return name[dot..] == ".bias" ? outputs : outputs * o.KernelSize * o.KernelSize * Channels(o.Input);
    }

    private static int Channels(string map) => Network.Maps.Single(m => m.Name == map).Channels;

    private static Map Float(string name, int size, int channels) => new(name, size, size, channels, MapType.Float32);

    private static ConvolutionOperation Convolution(string name, string input, string output, int size) =>
        new(name, input, output, null, size, 1, size / 2, size / 2, 1, 32, -1, new("1"));
}
