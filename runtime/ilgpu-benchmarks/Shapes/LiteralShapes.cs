using Specializer.Ilgpu.Kernels;

namespace Specializer.GpuBenchmarks.Shapes;

/// <summary>Makes the type that a shape of numbers is: what generated code would hold for it.</summary>
internal static class LiteralShapes
{
    private static readonly Type[] Digit = [typeof(D0), typeof(D1), typeof(D2), typeof(D3), typeof(D4), typeof(D5), typeof(D6), typeof(D7), typeof(D8), typeof(D9)];
    private static readonly IReal[] Reals = [default(One), default(RootHalf), default(Micro), default(TenMicro)];

    public static Type Of(ConvolutionDimensions s) => typeof(Convolution<,,,,>).MakeGenericType(
        Map(s.InputHeight, s.InputWidth, s.InputChannels), Map(s.OutputHeight, s.OutputWidth, s.OutputChannels),
        typeof(Window<,,,,>).MakeGenericType(Number(s.KernelSize), Number(s.Stride), Number(s.PaddingTop), Number(s.PaddingLeft), Number(s.Upsample)),
        Number(s.WeightBits), Real(s.OutputScale));

    public static Type Of(GroupNormDimensions s) => typeof(Norm<,,,,>).MakeGenericType(
        Map(s.Height, s.Width, s.Channels), Number(s.SkipChannels), Number(s.Groups), Real(s.Epsilon), Number((int)s.Nonlinearity));

    public static Type Of(MapDimensions s) => Map(s.Height, s.Width, s.Channels);

    public static Type Of(AttentionDimensions s) => typeof(Attention<,,>).MakeGenericType(Number(s.Tokens), Number(s.Heads), Number(s.HeadChannels));

    private static Type Map(int height, int width, int channels) => typeof(MapOf<,,>).MakeGenericType(Number(height), Number(width), Number(channels));

    private static Type Number(int value) => value < 10 ? Digit[value] : typeof(Digits<,>).MakeGenericType(Number(value / 10), Digit[value % 10]);

    private static Type Real(float value) => (Reals.FirstOrDefault(r => r.Value == value)
        ?? throw new NotSupportedException($"{value:R} is not among the real numbers of Literals.cs; add it.")).GetType();

}
