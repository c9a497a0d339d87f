using Xunit.Abstractions;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>What NVIDIA's assembler makes of the kernels that <see cref="PtxTests"/> looks at, and of those for older GPUs.</summary>
public class AssemblerTests(ITestOutputHelper output)
{
    /// <summary>What a multiprocessor has, of every architecture since SM 5.0; a launch fails where a group of threads needs more.</summary>
    private const int MultiprocessorRegisters = 65536;

    [Theory]
    [AssembledFor("sm_80")]
    [AssembledFor("sm_90")]
    public void Kernels_keep_their_values_in_registers(string architecture) => Check(architecture, NetworkKernels.All());

    /// <summary>Architectures between those.</summary>
    [Theory]
    [AssembledFor("sm_86")]
    [AssembledFor("sm_89")]
    public void Kernels_for_any_shape_keep_their_values_in_registers(string architecture) => Check(architecture, NetworkKernels.AnyShape());

    /// <summary>Before there are tensor cores with asynchronous copies; sm_60 has no dp4a either.</summary>
    [Theory]
    [AssembledFor("sm_60")]
    [AssembledFor("sm_61")]
    [AssembledFor("sm_75")]
    public void Plain_kernels_keep_their_values_in_registers(string architecture) => Check(architecture,
        NetworkKernels.All().Where(k => !k.NeedsTensorCores).Concat(NetworkKernels.Layers.SelectMany(l => NetworkKernels.Plain(l.Size, l.Inputs, l.Outputs, l.Kernel, l.Stride, l.Upsample)))
            .DistinctBy(k => (k.Name, k.Shape)));

    /// <summary>The test above can fail.</summary>
    [Theory]
    [AssembledFor("sm_80")]
    public void Spills_are_seen(string architecture)
    {
        AssembledKernel kernel = Assembler.Assemble(PtxKernels.Compile("TensorConvolution.WideDynamic8", architecture: architecture), architecture, "-maxrregcount", "64");
        Assert.Equal(64, kernel.Registers);
        Assert.NotEqual(0, kernel.SpilledBytes);
        Assert.NotEqual("", Complaint(kernel, 128));
        Assert.Throws<InvalidOperationException>(() => Assembler.Assemble(".version 8.0\n.target sm_80\n.visible .entry broken() { add; }", architecture));
    }

    [Theory]
    [InlineData(0, 0, 0, 128, 512, true)]
    [InlineData(8, 0, 0, 40, 128, false)]
    [InlineData(0, 4, 0, 40, 128, false)]
    [InlineData(0, 0, 4, 40, 128, false)]
    [InlineData(0, 0, 0, 129, 512, false)]
    [InlineData(0, 0, 0, 255, 128, true)]
    public void Figures_are_read_and_judged(int stack, int stores, int loads, int registers, int threads, bool good)
    {
        string memory = $"    {stack} bytes stack frame, {stores} bytes spill stores, {loads} bytes spill loads\n";
        AssembledKernel kernel = AssembledKernel.Parse($"ptxas info    : Function properties for k\n{memory}ptxas info    : Used {registers} registers, used 1 barriers, 400 bytes smem, 388 bytes cmem[0]\n");
        Assert.Equal(new(registers, stack, stores + loads, 400), kernel);
        Assert.Equal(good, Complaint(kernel, threads) == "");
        Assert.Throws<FormatException>(() => AssembledKernel.Parse(memory));
        Assert.Throws<FormatException>(() => AssembledKernel.Parse(""));
    }

    private void Check(string architecture, IEnumerable<NetworkKernel> kernels)
    {
        // ILGPU compiles one after the other anyway.
        var results = kernels.Select(kernel => (Kernel: kernel, Ptx: PtxKernels.Compile(kernel.Name, kernel.Shape, architecture))).AsParallel().AsOrdered().Select(compiled =>
        {
            (NetworkKernel kernel, AssembledKernel assembled) = (compiled.Kernel, Assembler.Assemble(compiled.Ptx, architecture));
            return (Line: $"{architecture} {kernel}: {assembled.Registers} registers, {assembled.SharedBytes} bytes shared", Complaint: Complaint(assembled, PtxKernels.MostThreads(kernel.Name)));
        }).ToArray();
        foreach (var (line, complaint) in results) output.WriteLine(line + complaint);
        Assert.True(results.Length >= 30, $"Only {results.Length} kernels were found.");
        Assert.DoesNotContain(results, r => r.Complaint != "");
    }

    /// <summary>What is wrong with a kernel that is launched with groups of so many threads; nothing where all is well.</summary>
    private static string Complaint(AssembledKernel kernel, int threads) =>
        (kernel.StackBytes == 0 ? "" : $"; {kernel.StackBytes} bytes of stack")
        + (kernel.SpilledBytes == 0 ? "" : $"; {kernel.SpilledBytes} bytes spilled")
        // Threads have registers in eights.
        + (kernel.Registers is > 0 and <= 255 && (kernel.Registers + 7) / 8 * 8 * threads <= MultiprocessorRegisters ? "" : $"; too many registers for {threads} threads");
}
