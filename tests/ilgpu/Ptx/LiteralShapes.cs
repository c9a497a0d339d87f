namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>A number as a type, so that a shape of literals can be put together at run time.</summary>
public interface INumber
{
    int Value { get; }
}

public readonly struct N0 : INumber { public int Value => 0; }
public readonly struct N1 : INumber { public int Value => 1; }
public readonly struct N2 : INumber { public int Value => 2; }
public readonly struct N3 : INumber { public int Value => 3; }
public readonly struct N4 : INumber { public int Value => 4; }
public readonly struct N7 : INumber { public int Value => 7; }
public readonly struct N8 : INumber { public int Value => 8; }
public readonly struct N14 : INumber { public int Value => 14; }
public readonly struct N16 : INumber { public int Value => 16; }
public readonly struct N28 : INumber { public int Value => 28; }
public readonly struct N32 : INumber { public int Value => 32; }
public readonly struct N64 : INumber { public int Value => 64; }
public readonly struct N192 : INumber { public int Value => 192; }
public readonly struct N384 : INumber { public int Value => 384; }
public readonly struct N576 : INumber { public int Value => 576; }
public readonly struct N960 : INumber { public int Value => 960; }
public readonly struct N1152 : INumber { public int Value => 1152; }
public readonly struct N2880 : INumber { public int Value => 2880; }

/// <summary>A convolution over a square map whose padding keeps the size (before stride and upsampling).</summary>
public readonly struct Layer<TSize, TIn, TOut, TKernel, TStride, TUpsample, TBits> : IConvolutionShape
    where TSize : struct, INumber
    where TIn : struct, INumber
    where TOut : struct, INumber
    where TKernel : struct, INumber
    where TStride : struct, INumber
    where TUpsample : struct, INumber
    where TBits : struct, INumber
{
    public int InputHeight => default(TSize).Value;
    public int InputWidth => default(TSize).Value;
    public int InputChannels => default(TIn).Value;
    public int OutputHeight => (default(TSize).Value * default(TUpsample).Value + default(TStride).Value - 1) / default(TStride).Value;
    public int OutputWidth => OutputHeight;
    public int OutputChannels => default(TOut).Value;
    public int KernelSize => default(TKernel).Value;
    public int Stride => default(TStride).Value;
    public int PaddingTop => default(TKernel).Value / 2;
    public int PaddingLeft => default(TKernel).Value / 2;
    public int Upsample => default(TUpsample).Value;
    public int WeightBits => default(TBits).Value;
    public float OutputScale => 1f;
}

public readonly struct Norm<TSize, TChannels, TSkip> : IGroupNormShape
    where TSize : struct, INumber
    where TChannels : struct, INumber
    where TSkip : struct, INumber
{
    public int Height => default(TSize).Value;
    public int Width => default(TSize).Value;
    public int Channels => default(TChannels).Value;
    public int SkipChannels => default(TSkip).Value;
    public int Groups => 8;
    public float Epsilon => 1e-5f;
    public Nonlinearity Nonlinearity => Nonlinearity.Silu;
    public int ElementSize => 1;
}

public readonly struct SquareMap<TSize, TChannels> : IMapShape
    where TSize : struct, INumber
    where TChannels : struct, INumber
{
    public int Height => default(TSize).Value;
    public int Width => default(TSize).Value;
    public int Channels => default(TChannels).Value;
    public int ElementSize => 1;
}

public readonly struct SelfAttention<TSize, THeads> : IAttentionShape
    where TSize : struct, INumber
    where THeads : struct, INumber
{
    public int Tokens => default(TSize).Value * default(TSize).Value;
    public int Heads => default(THeads).Value;
    public int HeadChannels => 32;
}

/// <summary>Makes shape types from numbers.</summary>
internal static class LiteralShapes
{
    private static readonly Dictionary<int, Type> Numbers = typeof(N0).Assembly.GetTypes()
        .Where(t => t.IsValueType && typeof(INumber).IsAssignableFrom(t)).ToDictionary(t => ((INumber)Activator.CreateInstance(t)!).Value);

    public static Type Of(Type generic, params int[] numbers) => generic.MakeGenericType([.. numbers.Select(n => Numbers[n])]);
}
