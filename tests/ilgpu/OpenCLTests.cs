using System.Text.RegularExpressions;
using Specializer.Ilgpu.Tests.Ptx;

namespace Specializer.Ilgpu.Tests;

/// <summary>What the kernels become in OpenCL C, where no OpenCL device is.</summary>
public class OpenCLTests
{
    [Fact]
    public void Kernels_for_any_shape_are_valid()
    {
        foreach (string kernel in PtxKernels.Dynamic().Where(OnOpenCL)) Check(kernel, null);
    }

    [Fact]
    public void Kernels_for_the_layers_of_the_sample_model_are_valid()
    {
        Type[] shapes =
        [
            PtxKernels.Convolution(14, 32, 64, 3, 1, 1, 4), PtxKernels.Convolution(14, 32, 64, 3, 1, 1, 8), PtxKernels.Convolution(28, 1, 32, 3, 1, 1, 32),
            PtxKernels.Norm(28, 32, 0), PtxKernels.Norm(7, 64, 64), PtxKernels.Map(28, 1), PtxKernels.Attention(7, 2, 32),
        ];
        foreach (Type shape in shapes)
            foreach (string kernel in PtxKernels.Literal(shape).Where(OnOpenCL)) Check(kernel, shape);
    }

    /// <summary>Tensor cores are CUDA's alone.</summary>
    private static bool OnOpenCL(string kernel) => !kernel.StartsWith("Tensor", StringComparison.Ordinal) && !kernel.StartsWith("LimitKernels", StringComparison.Ordinal);

    private static void Check(string kernel, Type? shape)
    {
        string source = PtxKernels.OpenCL(kernel, shape);
        // In C a sum or product of ints that leaves their range means nothing, and compilers make use of that. Products with large literals do leave it.
        Absent(@"\*\s*\((int|long)\)\s*-?\d{7,}");
        // A compiler may fuse such a product into the sum that follows. Those by 2^-23, and those in double precision, are exact.
        Absent(@"\(float\)\s*\w+\s*\*(?!\s*\(float\)1\.1920929E-07f)");

        void Absent(string pattern)
        {
            Match match = Regex.Match(source, $".*{pattern}.*");
            Assert.False(match.Success, $"{kernel}: {match.Value.Trim()}");
        }
    }
}
