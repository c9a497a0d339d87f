using Specializer.Benchmarks.Kernels;
using Specializer.Manifest;

namespace Specializer.GpuBenchmarks.Shapes;

/// <summary>A kernel's work in a real network.</summary>
internal abstract record Layer
{
    /// <summary>Multiply-adds count twice; of one image. Null where memory is the limit.</summary>
    public virtual double? Operations => null;

    /// <summary>Bytes of FP32 maps that must be read at least, and of results with <paramref name="bits"/> bits an element; of one image.</summary>
    public abstract double Bytes(int bits);

    /// <summary>A network whose last operation this is.</summary>
    /// <param name="bits">Of weights: 4, 8 or 32.</param>
    public abstract Network Network(int bits);

    /// <summary>How a network's layers look, equal ones together.</summary>
    public static IEnumerable<Layer> Of(Network network)
    {
        Map Map(string name) => network.Maps.Single(m => m.Name == name);
        foreach (Operation operation in network.Operations)
            switch (operation)
            {
                case ConvolutionOperation o:
                    yield return new ConvolutionLayer(new(Map(o.Input).Height, Map(o.Input).Channels, Map(o.Output).Channels, o.KernelSize, o.Stride, o.Upsample));
                    break;
                case GroupNormOperation o:
                    yield return new NormLayer(Map(o.Output).Height, Map(o.Output).Channels + (o.Skip is null ? 0 : Map(o.Skip).Channels));
                    break;
                case AttentionOperation o:
                    yield return new AttentionLayer(Map(o.Output).Height, o.Heads, Map(o.Output).Channels);
                    break;
            }
    }
}

internal sealed record ConvolutionLayer(ConvolutionCase Case) : Layer
{
    public override double? Operations => 2 * Case.MultiplyAccumulates;

    public override double Bytes(int bits) => Case.InputSize * Case.InputSize * Case.Inputs * (bits == 32 ? 4.0 : 1) + 4.0 * Case.OutputSize * Case.OutputSize * Case.Outputs;

    public override Network Network(int bits) => KernelNetworks.Convolution(Case, bits);

    public override string ToString() => Case.ToString();
}

internal sealed record NormLayer(int Size, int Channels) : Layer
{
    public override double Bytes(int bits) => Size * Size * Channels * (4 + bits / 8.0);

    // On a GPU every quantized element is a byte, so the widened map of 8-bit weights stands for all.
    public override Network Network(int bits) => KernelNetworks.GroupNorm(Size, Channels, bits);

    public override string ToString() => $"group norm {Size}²×{Channels}";
}

internal sealed record AttentionLayer(int Size, int Heads, int Channels) : Layer
{
    public override double? Operations => 4.0 * Size * Size * Size * Size * Channels;

    public override double Bytes(int bits) => 16.0 * Size * Size * Channels;

    public override Network Network(int bits)
    {
        Network network = KernelNetworks.Attention(Size, Heads, Channels);
        return bits == 8 ? network with { Operations = network.Operations.Select(o => o is AttentionOperation a ? a with { ProductBits = 8 } : o).ToEquatableArray() } : network;
    }

    public override string ToString() => $"attention {Size}²×{Channels}, {Heads} {(Heads == 1 ? "head" : "heads")}";
}
