using System.Runtime.CompilerServices;

namespace Specializer.Kernels;

/// <summary>A convolution's static shape as plain numbers, checked. One compiled driver serves all shapes: its loops are long enough
/// that folding their bounds gains nothing measurable, while a copy per shape would cost start-up time.</summary>
internal readonly record struct ConvolutionGeometry(
    int InputHeight, int InputWidth, int InputChannels,
    int OutputHeight, int OutputWidth, int OutputChannels,
    int KernelSize, int Stride, int PaddingTop, int PaddingLeft, int Upsample, float OutputScale)
{
    /// <summary>Output channels of one panel of weights.</summary>
    public const int PanelWidth = 16;

    // Bytes of one image's map are counted in 32 bits. BufferPlan, which the compiler runs without this assembly, refuses what is larger before the work.
    private const int MostElements = 1 << 28;

    /// <summary>Rows of what the taps see: the input, or what upsampling makes of it. Forms that count outputs otherwise see the same.</summary>
    public int SeenHeight { get; init; } = Upsample == 1 ? InputHeight : OutputHeight;
    /// <summary>Columns of it.</summary>
    public int SeenWidth { get; init; } = Upsample == 1 ? InputWidth : OutputWidth;

    public int Taps => KernelSize * KernelSize;
    public int OutputPixels => OutputHeight * OutputWidth;
    public int Panels => (OutputChannels + PanelWidth - 1) / PanelWidth;
    /// <summary>Groups of four input channels.</summary>
    public int ChannelGroups => (InputChannels + 3) / 4;

    /// <exception cref="ArgumentException">The shape makes no sense, or is too large to address.</exception>
    /// <remarks>Optimized at once: a dozen properties are then literals in it, rather than methods that are each compiled for every shape.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ConvolutionGeometry Of<TShape>(TShape s) where TShape : struct, IConvolutionShape
    {
        var g = new ConvolutionGeometry(s.InputHeight, s.InputWidth, s.InputChannels, s.OutputHeight, s.OutputWidth, s.OutputChannels,
            s.KernelSize, s.Stride, s.PaddingTop, s.PaddingLeft, s.Upsample, s.OutputScale);
        if (g.InputHeight < 1 || g.InputWidth < 1 || g.InputChannels < 1 || g.OutputHeight < 1 || g.OutputWidth < 1 || g.OutputChannels < 1
            || g.KernelSize < 1 || g.Stride < 1 || g.PaddingTop < 0 || g.PaddingLeft < 0 || g.Upsample is not (1 or 2)
            || (g.Upsample == 2 && (g.Stride != 1 || (g.OutputHeight + 1) / 2 != g.InputHeight || (g.OutputWidth + 1) / 2 != g.InputWidth))
            || (long)g.InputHeight * g.InputWidth * g.InputChannels > MostElements || (long)g.OutputHeight * g.OutputWidth * g.OutputChannels > MostElements)
            throw new ArgumentException($"Convolution shape {g} is not usable: sizes and stride must be positive, padding at least 0, upsampling 1 or 2 (to the output's size, with stride 1), and a map of at most 2^28 elements.");
        return g;
    }
}
