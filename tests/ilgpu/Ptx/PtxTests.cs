using Xunit.Abstractions;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>What the kernels become, for the layers of the sample model and of LDM-4 (class-conditional ImageNet).</summary>
public class PtxTests(ITestOutputHelper output)
{
    private const string TensorInstruction = "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32", HalfInstruction = "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", FloatInstruction = "fma.rn.f32";

    /// <summary>Size, input channels, output channels, kernel, stride, upsampling.</summary>
    public static TheoryData<int, int, int, int, int, int> Layers => new()
    {
        { 28, 1, 32, 3, 1, 1 }, { 28, 32, 32, 3, 1, 1 }, { 28, 32, 32, 3, 2, 1 }, { 14, 32, 64, 3, 1, 1 }, { 14, 32, 64, 1, 1, 1 }, { 14, 64, 64, 3, 1, 1 },
        { 14, 64, 64, 3, 2, 1 }, { 7, 64, 64, 3, 1, 1 }, { 7, 64, 192, 1, 1, 1 }, { 7, 64, 64, 3, 1, 2 }, { 14, 64, 32, 3, 1, 1 }, { 28, 32, 1, 3, 1, 1 },
        { 64, 3, 192, 3, 1, 1 }, { 64, 192, 192, 3, 1, 1 }, { 64, 192, 192, 3, 2, 1 }, { 32, 192, 384, 3, 1, 1 }, { 32, 384, 384, 3, 1, 1 }, { 32, 384, 1152, 1, 1, 1 },
        { 16, 384, 576, 3, 1, 1 }, { 16, 576, 576, 3, 1, 1 }, { 16, 576, 576, 1, 1, 1 }, { 8, 576, 960, 3, 1, 1 }, { 8, 960, 960, 3, 1, 1 }, { 8, 960, 2880, 1, 1, 1 },
        { 8, 960, 960, 3, 1, 2 }, { 16, 960, 576, 3, 1, 1 }, { 32, 576, 384, 1, 1, 1 }, { 64, 384, 192, 3, 1, 1 }, { 64, 192, 3, 3, 1, 1 },
    };

    [PackageTheory]
    [MemberData(nameof(Layers))]
    public void Convolutions_use_the_matrix_instruction_where_the_layer_fits(int size, int inputs, int outputs, int kernel, int stride, int upsample)
    {
        foreach (int bits in (int[])[4, 8])
        {
            Type shape = PtxKernels.Convolution(size, inputs, outputs, kernel, stride, upsample, bits);
            if (inputs % 16 == 0 && outputs >= 16)
            {
                // Three or four stages of 64 bytes for each pixel and 64 or 32 for each output; or the sums, when those need more.
                Check("TensorConvolution.WideLiteral", shape, TensorInstruction, bits == 8 ? 3 * (128 + 128) * 64 : 4 * 64 * 160);
                Check("TensorConvolution.LargeLiteral", shape, TensorInstruction, bits == 8 ? 4 * (128 + 64) * 64 : 4 * 64 * 160);
                Check("TensorConvolution.SmallLiteral", shape, TensorInstruction, 4 * (64 * 64 + 64 * 8 * bits));
            }
            else
            {
                Check("DirectConvolution.IntegerLiteral", shape, "dp4a.u32.s32", 0);
            }
        }
    }

    [PackageTheory]
    [MemberData(nameof(Layers))]
    public void Convolutions_in_half_precision_use_the_matrix_instruction_where_the_layer_fits(int size, int inputs, int outputs, int kernel, int stride, int upsample)
    {
        Type shape = PtxKernels.Convolution(size, inputs, outputs, kernel, stride, upsample, 32);
        if (inputs < 8 || outputs < 16)
        {
            Check("DirectConvolution.FloatLiteral", shape, FloatInstruction, 0);
            return;
        }

        Check("TensorConvolution.WideHalfLiteral", shape, HalfInstruction, 3 * (128 + 128) * 64);
        Check("TensorConvolution.LargeHalfLiteral", shape, HalfInstruction, 4 * (128 + 64) * 64);
        Check("TensorConvolution.SmallHalfLiteral", shape, HalfInstruction, 4 * (64 + 64) * 64);
    }

    /// <summary>Tiles of shared memory where the layer has whole pieces of 16 bytes; no instruction that rounds otherwise than the CPU.</summary>
    [PackageTheory]
    [MemberData(nameof(Layers))]
    public void Convolutions_in_FP32_use_tiles_where_the_layer_fits(int size, int inputs, int outputs, int kernel, int stride, int upsample)
    {
        Type shape = PtxKernels.Convolution(size, inputs, outputs, kernel, stride, upsample, 32);
        if (inputs % 4 != 0 || inputs < 16 || outputs < 16)
        {
            Check("DirectConvolution.FloatLiteral", shape, FloatInstruction, 0);
            return;
        }

        Check("TensorConvolution.LargeFloatLiteral", shape, FloatInstruction, 4 * (128 + 64) * 64);
        Check("TensorConvolution.SmallFloatLiteral", shape, FloatInstruction, 4 * (64 + 64) * 64);
    }

    /// <summary>What LDM-4's attention consists of; the products take any shape.</summary>
    [PackageTheory]
    [InlineData(32, 384)]
    [InlineData(16, 576)]
    [InlineData(8, 960)]
    public void Attention_has_the_instructions_it_needs(int size, int channels)
    {
        Check("AttentionKernels.ExponentialsLiteral", PtxKernels.Attention(size, 1, channels), FloatInstruction, 0);
        foreach ((string name, string instruction) in (ReadOnlySpan<(string, string)>)[("Bytes", TensorInstruction), ("Half", HalfInstruction), ("Float", FloatInstruction)])
        {
            if (name != "Float") Check("TensorProduct.Wide" + name, null, instruction, 3 * (128 + 128) * 64);
            Check("TensorProduct.Large" + name, null, instruction, 4 * (128 + 64) * 64);
            Check("TensorProduct.Small" + name, null, instruction, 4 * (64 + 64) * 64);
        }

        foreach (string kernel in (string[])["HalfAttention.Convert", "HalfAttention.Exponentiate", "QuantizedAttention.Convert", "QuantizedAttention.Exponentiate", "AttentionKernels.Rows"])
            Check(kernel, null, kernel.EndsWith("Exponentiate", StringComparison.Ordinal) ? FloatInstruction : null, 0);
    }

    /// <summary>What only the driver knows.</summary>
    [Theory]
    [On(Accelerator.Cuda)]
    public void The_driver_keeps_sums_in_registers(Accelerator kind)
    {
        using Device device = Accelerators.Open(kind);
#if FULL_FEED
        KernelCache kernels = ((IlgpuDevice)device).Kernels;
        foreach (Action<Kernels.ConvolutionArguments> kernel in (Action<Kernels.ConvolutionArguments>[])
            [Kernels.TensorConvolution.WideDynamic8, Kernels.TensorConvolution.WideDynamic4, Kernels.TensorConvolution.WideHalfDynamic, Kernels.TensorConvolution.LargeFloatDynamic]) kernels.Prepare(kernel);
        foreach (Action<Kernels.ProductArguments> kernel in (Action<Kernels.ProductArguments>[])[Kernels.TensorProduct.WideBytes, Kernels.TensorProduct.WideHalf, Kernels.TensorProduct.LargeFloat])
            kernels.Prepare(kernel);
        foreach (var (method, resources) in kernels.Resources)
        {
            output.WriteLine($"{method.DeclaringType!.Name}.{method.Name}: {resources}");
            Assert.NotNull(resources);
            Assert.Equal(0, resources.Value.LocalBytes);
            Assert.InRange(resources.Value.Registers, 1, 255);
        }
#endif
    }

    [PackageFact]
    public void Other_kernels_keep_their_values_in_registers()
    {
        Type[] shapes =
        [
            PtxKernels.Norm(28, 32, 0), PtxKernels.Norm(7, 64, 64),
            PtxKernels.Norm(64, 192, 192), PtxKernels.Norm(8, 960, 576),
            PtxKernels.Map(28, 1), PtxKernels.Map(64, 3),
            PtxKernels.Attention(7, 2, 32), PtxKernels.Attention(32, 1, 384),
        ];
        foreach (Type shape in shapes)
            foreach (string kernel in PtxKernels.Literal(shape)) Check(kernel, shape, null, 0);
    }

    [PackageFact]
    public void Kernels_for_any_shape_compile_too()
    {
        string[] kernels = PtxKernels.Dynamic();
        Assert.True(kernels.Length >= 20, $"Only {kernels.Length} kernels were found.");
        foreach (string kernel in kernels)
        {
            bool tensor = kernel.StartsWith("Tensor", StringComparison.Ordinal);
            string tile = kernel.Contains("Half", StringComparison.Ordinal) ? HalfInstruction : kernel.Contains("Float", StringComparison.Ordinal) ? FloatInstruction : TensorInstruction;
            if (kernel.StartsWith("LimitKernels", StringComparison.Ordinal)) continue;
            Check(kernel, null, tensor ? tile : kernel == "DirectConvolution.IntegerDynamic" ? "dp4a.u32.s32" : null, tensor ? null : 0);
        }
    }

    /// <summary>What benchmarks call the card's limit: a loop of nothing but matrix instructions.</summary>
    [PackageFact]
    public void Limits_are_matrix_instructions_on_registers()
    {
        foreach ((string kernel, string instruction) in (ReadOnlySpan<(string, string)>)[("LimitKernels.Integers", TensorInstruction), ("LimitKernels.Halves", HalfInstruction)])
        {
            string ptx = PtxKernels.Compile(kernel);
            Check(kernel, null, instruction, null);
            Assert.Equal(16, ptx.Split(instruction).Length - 1);
            Assert.DoesNotContain("ld.", ptx[ptx.IndexOf(instruction, StringComparison.Ordinal)..ptx.LastIndexOf(instruction, StringComparison.Ordinal)]);
        }
    }

    /// <summary>Sessions compile on all processors.</summary>
    [PackageFact]
    public void Kernels_compiled_side_by_side_are_the_same()
    {
        string[] kernels = PtxKernels.Dynamic();
        Assert.Equal(PtxKernels.Compile(kernels, parallel: false), PtxKernels.Compile(kernels, parallel: true));
    }

    /// <summary>A literal shape must reach the kernel as numbers: then no argument but the batch decides the loops.</summary>
    [PackageFact]
    public void Literal_shapes_become_literals()
    {
        Type shape = PtxKernels.Convolution(32, 384, 384, 3, 1, 1, 4);
        string literal = PtxKernels.Compile("TensorConvolution.LargeLiteral", shape);
        // 9 taps of 6 steps of 64 channels.
        Assert.Matches(@"setp\.(lt|ge)\.s32\s+%p\d+, %r\d+, 54;", literal);
        Assert.DoesNotMatch(@"setp\.(lt|ge)\.s32\s+%p\d+, %r\d+, 54;", PtxKernels.Compile("TensorConvolution.LargeDynamic4"));
    }

    private void Check(string kernel, Type? shape, string? instruction, int? sharedBytes)
    {
        string ptx = PtxKernels.Compile(kernel, shape);
        Assert.DoesNotContain(".local", ptx);
        Assert.DoesNotMatch(@"\n\s*call", ptx);
        if (instruction != null) Assert.Contains(instruction, ptx);
        if (kernel.StartsWith("Tensor", StringComparison.Ordinal))
        {
            Assert.Contains("cp.async.cg.shared.global", ptx);
            Assert.Contains(instruction == FloatInstruction ? "ld.shared.v4.b32" : "ldmatrix.sync.aligned.m8n8.x4.shared.b16", ptx);
        }

        int shared = PtxKernels.SharedBytes(ptx);
        if (sharedBytes is { } expected) Assert.Equal(expected, shared);
        // What a group may have without asking for more.
        Assert.InRange(shared, 0, 48 * 1024);
        output.WriteLine($"{kernel}{(shape == null ? "" : Describe(Activator.CreateInstance(shape)!))}: {shared} bytes shared, registers not measured");
    }

    private static string Describe(object shape) => shape switch
    {
        IConvolutionShape c => $" {c.KernelSize}×{c.KernelSize} {c.InputHeight}²×{c.InputChannels}→{c.OutputHeight}²×{c.OutputChannels}, {c.WeightBits} bits",
        IGroupNormShape n => $" {n.Height}²×({n.Channels}+{n.SkipChannels})",
        IAttentionShape a => $" {a.Tokens} tokens, {a.Heads}×{a.HeadChannels}",
        IMapShape m => $" {m.Height}²×{m.Channels}",
        _ => "",
    };
}
