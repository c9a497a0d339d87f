using Xunit.Abstractions;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>What the kernels become, for the layers of the sample model and of LDM-4 (class-conditional ImageNet).</summary>
public class PtxTests(ITestOutputHelper output)
{
    public static TheoryData<int, int, int, int, int, int> Layers
    {
        get
        {
            var rows = new TheoryData<int, int, int, int, int, int>();
            foreach (var (size, inputs, outputs, kernel, stride, upsample) in NetworkKernels.Layers) rows.Add(size, inputs, outputs, kernel, stride, upsample);
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Convolutions_use_the_matrix_instruction_where_the_layer_fits(int size, int inputs, int outputs, int kernel, int stride, int upsample) =>
        Check(NetworkKernels.Integers(size, inputs, outputs, kernel, stride, upsample));

    [Theory]
    [MemberData(nameof(Layers))]
    public void Convolutions_in_half_precision_use_the_matrix_instruction_where_the_layer_fits(int size, int inputs, int outputs, int kernel, int stride, int upsample) =>
        Check(NetworkKernels.Halves(size, inputs, outputs, kernel, stride, upsample));

    /// <summary>Tiles of shared memory where the layer has whole pieces of 16 bytes; no instruction that rounds otherwise than the CPU.</summary>
    [Theory]
    [MemberData(nameof(Layers))]
    public void Convolutions_in_FP32_use_tiles_where_the_layer_fits(int size, int inputs, int outputs, int kernel, int stride, int upsample) =>
        Check(NetworkKernels.Floats(size, inputs, outputs, kernel, stride, upsample));

    [Fact]
    public void Attention_has_the_instructions_it_needs() => Check(NetworkKernels.Attentions.SelectMany(a => NetworkKernels.Attention(a.Size, a.Channels)));

    /// <summary>What only the driver knows.</summary>
    [Theory]
    [On(Accelerator.Cuda)]
    public void The_driver_keeps_sums_in_registers(Accelerator kind)
    {
        using Device device = Accelerators.Open(kind);
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
    }

    [Fact]
    public void Other_kernels_keep_their_values_in_registers() => Check(NetworkKernels.Others());

    [Fact]
    public void Kernels_for_any_shape_compile_too()
    {
        NetworkKernel[] kernels = [.. NetworkKernels.AnyShape()];
        Assert.True(kernels.Length >= 20, $"Only {kernels.Length} kernels were found.");
        Check(kernels);
    }

    [Fact]
    public void Before_dp4a_sums_are_plain_integer_code()
    {
        foreach (string kernel in PtxKernels.Dynamic().Where(k => k.StartsWith("Direct", StringComparison.Ordinal)))
        {
            string ptx = PtxKernels.Compile(kernel, architecture: "sm_60");
            Assert.Contains(".target sm_60", ptx);
            Assert.DoesNotContain("dp4a", ptx);
            Assert.DoesNotMatch(@"\n\s*call", ptx);
        }
    }

    /// <summary>What benchmarks call the card's limit: a loop of nothing but matrix instructions.</summary>
    [Fact]
    public void Limits_are_matrix_instructions_on_registers()
    {
        Check(NetworkKernels.Limits());
        foreach (NetworkKernel kernel in NetworkKernels.Limits())
        {
            (string ptx, string instruction) = (PtxKernels.Compile(kernel.Name), kernel.Instruction!);
            Assert.Equal(16, ptx.Split(instruction).Length - 1);
            Assert.DoesNotContain("ld.", ptx[ptx.IndexOf(instruction, StringComparison.Ordinal)..ptx.LastIndexOf(instruction, StringComparison.Ordinal)]);
        }
    }

    /// <summary>Sessions compile on all processors.</summary>
    [Fact]
    public void Kernels_compiled_side_by_side_are_the_same()
    {
        string[] kernels = PtxKernels.Dynamic();
        Assert.Equal(PtxKernels.Compile(kernels, parallel: false), PtxKernels.Compile(kernels, parallel: true));
    }

    /// <summary>A literal shape must reach the kernel as numbers: then no argument but the batch decides the loops.</summary>
    [Fact]
    public void Literal_shapes_become_literals()
    {
        Type shape = PtxKernels.Convolution(32, 384, 384, 3, 1, 1, 4);
        string literal = PtxKernels.Compile("TensorConvolution.LargeLiteral", shape);
        // 9 taps of 6 steps of 64 channels.
        Assert.Matches(@"setp\.(lt|ge)\.s32\s+%p\d+, %r\d+, 54;", literal);
        Assert.DoesNotMatch(@"setp\.(lt|ge)\.s32\s+%p\d+, %r\d+, 54;", PtxKernels.Compile("TensorConvolution.LargeDynamic4"));
    }

    private void Check(IEnumerable<NetworkKernel> kernels)
    {
        foreach (NetworkKernel kernel in kernels)
        {
            string ptx = PtxKernels.Compile(kernel.Name, kernel.Shape);
            Assert.DoesNotContain(".local", ptx);
            Assert.DoesNotMatch(@"\n\s*call", ptx);
            if (kernel.Instruction != null) Assert.Contains(kernel.Instruction, ptx);
            if (kernel.Name.StartsWith("Tensor", StringComparison.Ordinal))
            {
                Assert.Contains("cp.async.cg.shared.global", ptx);
                Assert.Contains(kernel.Instruction == NetworkKernels.FloatInstruction ? "ld.shared.v4.b32" : "ldmatrix.sync.aligned.m8n8.x4.shared.b16", ptx);
            }

            int shared = PtxKernels.SharedBytes(ptx);
            if (kernel.SharedBytes is { } expected) Assert.Equal(expected, shared);
            // What a group may have without asking for more.
            Assert.InRange(shared, 0, 48 * 1024);
            output.WriteLine($"{kernel}: {shared} bytes shared, registers not measured");
        }
    }
}
