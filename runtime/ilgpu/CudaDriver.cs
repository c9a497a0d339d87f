using System.Runtime.InteropServices;
using ILGPU.Runtime.Cuda;

namespace Specializer.Ilgpu;

/// <summary>The CUDA driver, for functions that ILGPU's binding does not know.</summary>
internal static unsafe class CudaDriver
{
    private static readonly string Name = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    public static bool TryLoad(out nint library) => NativeLibrary.TryLoad(Name, out library);

    /// <summary>What a message says where there is no device: whether there is a driver, and what it answers.</summary>
    public static string Describe()
    {
        if (!TryLoad(out nint library)) return $"no CUDA driver ({Name})";
        var initialize = (delegate* unmanaged<uint, CudaError>)NativeLibrary.GetExport(library, "cuInit");
        var ask = (delegate* unmanaged<int*, CudaError>)NativeLibrary.GetExport(library, "cuDriverGetVersion");
        int version;
        string number = ask(&version) == CudaError.CUDA_SUCCESS ? $" {version / 1000}.{version % 1000 / 10}" : "";
        return $"a CUDA{number} driver ({Name}) without a device (cuInit: {initialize(0)})";
    }
}
