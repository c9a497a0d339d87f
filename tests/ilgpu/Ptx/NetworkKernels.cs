namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>A kernel, and what its PTX must have.</summary>
/// <param name="Name">Class.Method.</param>
/// <param name="Shape">The shape type it is made for; null where it takes its sizes as arguments.</param>
/// <param name="Instruction">What it computes with; null for anything.</param>
/// <param name="SharedBytes">Static shared memory; null for anything.</param>
internal sealed record NetworkKernel(string Name, Type? Shape = null, string? Instruction = null, int? SharedBytes = null)
{
    /// <summary>Whether it needs SM 8.0.</summary>
    public bool NeedsTensorCores => Name.StartsWith("Tensor", StringComparison.Ordinal) || Name.StartsWith("LimitKernels", StringComparison.Ordinal);

    public override string ToString() => Name + (Shape == null ? "" : Activator.CreateInstance(Shape) switch
    {
        IConvolutionShape c => $" {c.KernelSize}×{c.KernelSize} {c.InputHeight}²×{c.InputChannels}→{c.OutputHeight}²×{c.OutputChannels}, {c.WeightBits} bits",
        IGroupNormShape n => $" {n.Height}²×({n.Channels}+{n.SkipChannels})",
        IAttentionShape a => $" {a.Tokens} tokens, {a.Heads}×{a.HeadChannels}",
        IMapShape m => $" {m.Height}²×{m.Channels}",
        _ => "",
    });
}

/// <summary>The kernels of the sample model's layers and of those of LDM-4 (class-conditional ImageNet).</summary>
internal static class NetworkKernels
{
    public const string TensorInstruction = "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32", HalfInstruction = "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32",
        FloatInstruction = "fma.rn.f32", DotInstruction = "dp4a.u32.s32";

    /// <summary>Size, input channels, output channels, kernel, stride, upsampling.</summary>
    public static readonly (int Size, int Inputs, int Outputs, int Kernel, int Stride, int Upsample)[] Layers =
    [
        (28, 1, 32, 3, 1, 1), (28, 32, 32, 3, 1, 1), (28, 32, 32, 3, 2, 1), (14, 32, 64, 3, 1, 1), (14, 32, 64, 1, 1, 1), (14, 64, 64, 3, 1, 1),
        (14, 64, 64, 3, 2, 1), (7, 64, 64, 3, 1, 1), (7, 64, 192, 1, 1, 1), (7, 64, 64, 3, 1, 2), (14, 64, 32, 3, 1, 1), (28, 32, 1, 3, 1, 1),
        (64, 3, 192, 3, 1, 1), (64, 192, 192, 3, 1, 1), (64, 192, 192, 3, 2, 1), (32, 192, 384, 3, 1, 1), (32, 384, 384, 3, 1, 1), (32, 384, 1152, 1, 1, 1),
        (16, 384, 576, 3, 1, 1), (16, 576, 576, 3, 1, 1), (16, 576, 576, 1, 1, 1), (8, 576, 960, 3, 1, 1), (8, 960, 960, 3, 1, 1), (8, 960, 2880, 1, 1, 1),
        (8, 960, 960, 3, 1, 2), (16, 960, 576, 3, 1, 1), (32, 576, 384, 1, 1, 1), (64, 384, 192, 3, 1, 1), (64, 192, 3, 3, 1, 1),
    ];

    /// <summary>Size and channels of LDM-4's attention.</summary>
    public static readonly (int Size, int Channels)[] Attentions = [(32, 384), (16, 576), (8, 960)];

    /// <summary>Every kernel once.</summary>
    public static IEnumerable<NetworkKernel> All() => Layers.SelectMany(l => (IEnumerable<NetworkKernel>)
            [.. Integers(l.Size, l.Inputs, l.Outputs, l.Kernel, l.Stride, l.Upsample), .. Halves(l.Size, l.Inputs, l.Outputs, l.Kernel, l.Stride, l.Upsample), .. Floats(l.Size, l.Inputs, l.Outputs, l.Kernel, l.Stride, l.Upsample)])
        .Concat(Attentions.SelectMany(a => Attention(a.Size, a.Channels))).Concat(Others()).Concat(AnyShape()).Concat(Limits()).DistinctBy(k => (k.Name, k.Shape));

    /// <summary>A convolution in W8A8 and W4A8 (or W4A4: maps have a byte for each value).</summary>
    public static IEnumerable<NetworkKernel> Integers(int size, int inputs, int outputs, int kernel, int stride, int upsample)
    {
        foreach (int bits in (int[])[4, 8])
        {
            Type shape = PtxKernels.Convolution(size, inputs, outputs, kernel, stride, upsample, bits);
            if (inputs % 16 == 0 && outputs >= 16)
            {
                // Three or four stages of 64 bytes for each pixel and 64 or 32 for each output; or the sums, when those need more.
                yield return new("TensorConvolution.WideLiteral", shape, TensorInstruction, bits == 8 ? 3 * (128 + 128) * 64 : 4 * 64 * 160);
                yield return new("TensorConvolution.LargeLiteral", shape, TensorInstruction, bits == 8 ? 4 * (128 + 64) * 64 : 4 * 64 * 160);
                yield return new("TensorConvolution.SmallLiteral", shape, TensorInstruction, 4 * (64 * 64 + 64 * 8 * bits));
            }
            else
            {
                yield return new("DirectConvolution.IntegerLiteral", shape, DotInstruction, 0);
            }
        }
    }

    public static IEnumerable<NetworkKernel> Halves(int size, int inputs, int outputs, int kernel, int stride, int upsample)
    {
        Type shape = PtxKernels.Convolution(size, inputs, outputs, kernel, stride, upsample, 32);
        if (inputs < 8 || outputs < 16) return [new("DirectConvolution.FloatLiteral", shape, FloatInstruction, 0)];
        return
        [
            new("TensorConvolution.WideHalfLiteral", shape, HalfInstruction, 3 * (128 + 128) * 64),
            new("TensorConvolution.LargeHalfLiteral", shape, HalfInstruction, 4 * (128 + 64) * 64),
            new("TensorConvolution.SmallHalfLiteral", shape, HalfInstruction, 4 * (64 + 64) * 64),
        ];
    }

    public static IEnumerable<NetworkKernel> Floats(int size, int inputs, int outputs, int kernel, int stride, int upsample)
    {
        Type shape = PtxKernels.Convolution(size, inputs, outputs, kernel, stride, upsample, 32);
        if (inputs % 4 != 0 || inputs < 16 || outputs < 16) return [new("DirectConvolution.FloatLiteral", shape, FloatInstruction, 0)];
        return
        [
            new("TensorConvolution.LargeFloatLiteral", shape, FloatInstruction, 4 * (128 + 64) * 64),
            new("TensorConvolution.SmallFloatLiteral", shape, FloatInstruction, 4 * (64 + 64) * 64),
        ];
    }

    /// <summary>A convolution where there are no tensor cores.</summary>
    public static IEnumerable<NetworkKernel> Plain(int size, int inputs, int outputs, int kernel, int stride, int upsample)
    {
        foreach (int bits in (int[])[4, 8]) yield return new("DirectConvolution.IntegerLiteral", PtxKernels.Convolution(size, inputs, outputs, kernel, stride, upsample, bits));
        Type shape = PtxKernels.Convolution(size, inputs, outputs, kernel, stride, upsample, 32);
        yield return new("HalfConvolution.HalfLiteral", shape);
        yield return new("DirectConvolution.FloatLiteral", shape);
    }

    /// <summary>What attention consists of; the products take any shape.</summary>
    public static IEnumerable<NetworkKernel> Attention(int size, int channels)
    {
        yield return new("AttentionKernels.ExponentialsLiteral", PtxKernels.Attention(size, 1, channels), FloatInstruction, 0);
        foreach ((string name, string instruction) in ((string, string)[])[("Bytes", TensorInstruction), ("Half", HalfInstruction), ("Float", FloatInstruction)])
        {
            if (name != "Float") yield return new("TensorProduct.Wide" + name, null, instruction, 3 * (128 + 128) * 64);
            yield return new("TensorProduct.Large" + name, null, instruction, 4 * (128 + 64) * 64);
            yield return new("TensorProduct.Small" + name, null, instruction, 4 * (64 + 64) * 64);
        }

        foreach (string kernel in (string[])["HalfAttention.Convert", "HalfAttention.Exponentiate", "QuantizedAttention.Convert", "QuantizedAttention.Exponentiate", "AttentionKernels.Rows"])
            yield return new(kernel, null, kernel.EndsWith("Exponentiate", StringComparison.Ordinal) ? FloatInstruction : null, 0);
    }

    /// <summary>All that is made for other shapes than a convolution's.</summary>
    public static IEnumerable<NetworkKernel> Others()
    {
        Type[] shapes =
        [
            PtxKernels.Norm(28, 32, 0), PtxKernels.Norm(7, 64, 64),
            PtxKernels.Norm(64, 192, 192), PtxKernels.Norm(8, 960, 576),
            PtxKernels.Map(28, 1), PtxKernels.Map(64, 3),
            PtxKernels.Attention(7, 2, 32), PtxKernels.Attention(32, 1, 384),
        ];
        return shapes.SelectMany(shape => PtxKernels.Literal(shape).Select(kernel => new NetworkKernel(kernel, shape, null, 0)));
    }

    /// <summary>All that take their sizes as arguments.</summary>
    public static IEnumerable<NetworkKernel> AnyShape()
    {
        foreach (string kernel in PtxKernels.Dynamic())
        {
            if (kernel.StartsWith("LimitKernels", StringComparison.Ordinal)) continue;
            bool tensor = kernel.StartsWith("Tensor", StringComparison.Ordinal);
            string tile = kernel.Contains("Half", StringComparison.Ordinal) ? HalfInstruction : kernel.Contains("Float", StringComparison.Ordinal) ? FloatInstruction : TensorInstruction;
            yield return new(kernel, null, tensor ? tile : kernel == "DirectConvolution.IntegerDynamic" ? DotInstruction : null, tensor ? null : 0);
        }
    }

    /// <summary>What benchmarks call the card's limit.</summary>
    public static IEnumerable<NetworkKernel> Limits() => [new("LimitKernels.Integers", null, TensorInstruction), new("LimitKernels.Halves", null, HalfInstruction)];
}
