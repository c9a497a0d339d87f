using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using Specializer.GpuBenchmarks.Shapes;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>Compiles kernels to PTX where no GPU is.</summary>
internal static class PtxKernels
{
    /// <summary>A convolution over a square map whose padding keeps the size (before stride and upsampling).</summary>
    public static Type Convolution(int size, int inputs, int outputs, int kernel, int stride, int upsample, int bits)
    {
        int output = (size * upsample + stride - 1) / stride;
        return LiteralShapes.Of(new ConvolutionDimensions(size, size, inputs, output, output, outputs, kernel, stride, kernel / 2, kernel / 2, upsample, bits, 1f));
    }

    public static Type Norm(int size, int channels, int skip) => LiteralShapes.Of(new GroupNormDimensions(size, size, channels, skip, 8, 1e-5f, Nonlinearity.Silu, 1));

    public static Type Map(int size, int channels) => LiteralShapes.Of(new MapDimensions(size, size, channels, 1));

    public static Type Attention(int size, int heads, int channels) => LiteralShapes.Of(new AttentionDimensions(size * size, heads, channels));

    private static readonly Type[] Classes = [.. typeof(IlgpuDevice).Assembly.GetTypes().Where(t => t.Namespace is "Specializer.Ilgpu" or "Specializer.Ilgpu.Kernels" && t is { IsAbstract: true, IsSealed: true })];

    private static IEnumerable<MethodInfo> Entries(Type type) => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Where(m => m.ReturnType == typeof(void) && m.GetParameters() is [{ ParameterType.IsValueType: true }]);

    /// <summary>Every kernel that takes its sizes as arguments: Class.Method.</summary>
    public static string[] Dynamic() => [.. Classes.SelectMany(c => Entries(c).Where(m => !m.IsGenericMethod).Select(m => $"{c.Name}.{m.Name}"))];

    /// <summary>Every kernel that is made for a shape type.</summary>
    public static string[] Literal(Type shape) => [.. Classes.SelectMany(c => Entries(c)
        .Where(m => m.IsGenericMethod && m.GetGenericArguments()[0].GetGenericParameterConstraints().Any(t => t.IsInterface && t.IsAssignableFrom(shape)))
        .Select(m => $"{c.Name}.{m.Name}"))];

    /// <param name="kernel">Class.Method.</param>
    /// <param name="shape">What it is made for.</param>
    /// <param name="architecture">As the assembler names it; what it lacks, dp4a for one, is computed otherwise.</param>
    public static string Compile(string kernel, Type? shape = null, string architecture = "sm_80") => Compile(Method(kernel, shape), architecture);

    /// <summary>Threads of the largest group that a kernel is launched with.</summary>
    public static int MostThreads(string kernel) => Method(kernel).DeclaringType == typeof(GroupNormKernels) ? KernelCache.MostPartThreads : KernelCache.GpuThreads;

    private static MethodInfo Method(string kernel, Type? shape = null)
    {
        string[] name = kernel.Split('.');
        MethodInfo method = Entries(Classes.Single(c => c.Name == name[0])).Single(m => m.Name == name[1]);
        return shape == null ? method : method.MakeGenericMethod(shape);
    }

    /// <summary>Compiles kernels in one context, one after the other or side by side as a session does. The names of registers and functions, the order
    /// of moves, and whether a choice is branches or a select, depend on what the context has seen, so the other instructions come without names and sorted.</summary>
    public static string[] Compile(string[] kernels, bool parallel)
    {
        using Context context = IlgpuContext.Create(_ => { });
        using var backend = new PTXBackend(context, CudaArchitecture.SM_80, CudaInstructionSet.ISA_80, null!);
        var texts = new string[kernels.Length];
        Parallel.For(0, kernels.Length, new() { MaxDegreeOfParallelism = parallel ? 8 : 1 }, i =>
        {
            string ptx = ((PTXCompiledKernel)backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(Method(kernels[i])), KernelSpecialization.Empty)).PTXAssembly;
            texts[i] = string.Join('\n', Regex.Replace(ptx, @"(%[a-z]+|_)\d+", "$1").Split('\n')
                .Where(line => !Regex.IsMatch(line, @"^\s*(mov\.|selp\.|bra|@|L_:|$)")).Order(StringComparer.Ordinal));
        });
        return texts;
    }

    /// <summary>A kernel in OpenCL C.</summary>
    public static string OpenCL(string kernel, Type? shape = null) =>
        ((CLCompiledKernel)OpenCLBackend.Value.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(Method(kernel, shape)), KernelSpecialization.Empty)).Source;

    public static string Compile(MethodInfo method, string architecture = "sm_80") =>
        ((PTXCompiledKernel)Backends.GetOrAdd(architecture, Open).Value.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(method), KernelSpecialization.Empty)).PTXAssembly;

    private static readonly ConcurrentDictionary<string, Lazy<PTXBackend>> Backends = new();

    private static Lazy<PTXBackend> Open(string architecture) => new(() => new(
        IlgpuContext.Create(_ => { }), (CudaArchitecture)typeof(CudaArchitecture).GetField(architecture.ToUpperInvariant())!.GetValue(null)!, CudaInstructionSet.ISA_80, null!));

    private static readonly Lazy<CLBackend> OpenCLBackend = new(() => new(IlgpuContext.Create(_ => { }),
        new CLCapabilityContext(false, true, true, false, false), CLDeviceVendor.Other, new CLCVersion(1, 2)));

    /// <summary>Bytes of static shared memory.</summary>
    public static int SharedBytes(string ptx) => Regex.Matches(ptx, @"^\s*\.shared .*\[(\d+)\];", RegexOptions.Multiline).Sum(m => int.Parse(m.Groups[1].Value));
}
