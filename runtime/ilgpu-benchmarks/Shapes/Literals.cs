namespace Specializer.GpuBenchmarks.Shapes;

// Shape types put together at run time, so that kernels are compiled for them as for the shapes of generated code.

/// <summary>A whole number as a type.</summary>
public interface INumber
{
    /// <summary>The number.</summary>
    int Value { get; }
}

internal readonly struct D0 : INumber { public int Value => 0; }
internal readonly struct D1 : INumber { public int Value => 1; }
internal readonly struct D2 : INumber { public int Value => 2; }
internal readonly struct D3 : INumber { public int Value => 3; }
internal readonly struct D4 : INumber { public int Value => 4; }
internal readonly struct D5 : INumber { public int Value => 5; }
internal readonly struct D6 : INumber { public int Value => 6; }
internal readonly struct D7 : INumber { public int Value => 7; }
internal readonly struct D8 : INumber { public int Value => 8; }
internal readonly struct D9 : INumber { public int Value => 9; }

/// <summary>A number of more than one decimal digit.</summary>
internal readonly struct Digits<TTens, TOnes> : INumber
    where TTens : struct, INumber
    where TOnes : struct, INumber
{
    public int Value => 10 * default(TTens).Value + default(TOnes).Value;
}

/// <summary>A real number as a type; only those that networks use.</summary>
public interface IReal
{
    /// <summary>The number.</summary>
    float Value { get; }
}

internal readonly struct One : IReal { public float Value => 1f; }
internal readonly struct RootHalf : IReal { public float Value => 0.70710677f; }
internal readonly struct Micro : IReal { public float Value => 1e-6f; }
internal readonly struct TenMicro : IReal { public float Value => 1e-5f; }

internal readonly struct Convolution<TIn, TOut, TWindow, TBits, TScale> : IConvolutionShape
    where TIn : struct, IMapShape
    where TOut : struct, IMapShape
    where TWindow : struct, IWindow
    where TBits : struct, INumber
    where TScale : struct, IReal
{
    public int InputHeight => default(TIn).Height;
    public int InputWidth => default(TIn).Width;
    public int InputChannels => default(TIn).Channels;
    public int OutputHeight => default(TOut).Height;
    public int OutputWidth => default(TOut).Width;
    public int OutputChannels => default(TOut).Channels;
    public int KernelSize => default(TWindow).Size;
    public int Stride => default(TWindow).Stride;
    public int PaddingTop => default(TWindow).Top;
    public int PaddingLeft => default(TWindow).Left;
    public int Upsample => default(TWindow).Upsample;
    public int WeightBits => default(TBits).Value;
    public float OutputScale => default(TScale).Value;
}

/// <summary>How a convolution moves over its input.</summary>
internal interface IWindow
{
    int Size { get; }
    int Stride { get; }
    int Top { get; }
    int Left { get; }
    int Upsample { get; }
}

internal readonly struct Window<TSize, TStride, TTop, TLeft, TUpsample> : IWindow
    where TSize : struct, INumber
    where TStride : struct, INumber
    where TTop : struct, INumber
    where TLeft : struct, INumber
    where TUpsample : struct, INumber
{
    public int Size => default(TSize).Value;
    public int Stride => default(TStride).Value;
    public int Top => default(TTop).Value;
    public int Left => default(TLeft).Value;
    public int Upsample => default(TUpsample).Value;
}

internal readonly struct MapOf<THeight, TWidth, TChannels> : IMapShape
    where THeight : struct, INumber
    where TWidth : struct, INumber
    where TChannels : struct, INumber
{
    public int Height => default(THeight).Value;
    public int Width => default(TWidth).Value;
    public int Channels => default(TChannels).Value;
    // A GPU stores every quantized element as a byte.
    public int ElementSize => 1;
}

internal readonly struct Norm<TMap, TSkip, TGroups, TEpsilon, TSilu> : IGroupNormShape
    where TMap : struct, IMapShape
    where TSkip : struct, INumber
    where TGroups : struct, INumber
    where TEpsilon : struct, IReal
    where TSilu : struct, INumber
{
    public int Height => default(TMap).Height;
    public int Width => default(TMap).Width;
    public int Channels => default(TMap).Channels;
    public int SkipChannels => default(TSkip).Value;
    public int Groups => default(TGroups).Value;
    public float Epsilon => default(TEpsilon).Value;
    public Nonlinearity Nonlinearity => (Nonlinearity)default(TSilu).Value;
    public int ElementSize => 1;
}

internal readonly struct Attention<TTokens, THeads, TChannels> : IAttentionShape
    where TTokens : struct, INumber
    where THeads : struct, INumber
    where TChannels : struct, INumber
{
    public int Tokens => default(TTokens).Value;
    public int Heads => default(THeads).Value;
    public int HeadChannels => default(TChannels).Value;
}
