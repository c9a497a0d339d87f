using System.Runtime.InteropServices;

namespace Specializer.Ilgpu;

/// <summary>The CUDA driver, for functions that ILGPU's binding does not know.</summary>
internal static class CudaDriver
{
    public static bool TryLoad(out nint library) => NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out library);
}
