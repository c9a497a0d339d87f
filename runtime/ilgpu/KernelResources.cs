using System.Runtime.InteropServices;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Specializer.Ilgpu;

/// <summary>What the driver gave a compiled kernel.</summary>
/// <param name="Registers">Of a thread.</param>
/// <param name="LocalBytes">Of a thread: values that found no register.</param>
/// <param name="SharedBytes">Of a group, static.</param>
internal readonly record struct KernelResources(int Registers, int LocalBytes, int SharedBytes)
{
    /// <summary>Asks the CUDA driver, which ILGPU's binding cannot; null for other devices.</summary>
    public static KernelResources? Of(Delegate compiled) => compiled.TryGetKernel(out Kernel? kernel) && kernel is CudaKernel cuda ? Of(cuda) : null;

    private static unsafe KernelResources? Of(CudaKernel kernel)
    {
        if (!CudaDriver.TryLoad(out nint driver)) return null;
        var attribute = (delegate* unmanaged<int*, int, nint, int>)NativeLibrary.GetExport(driver, "cuFuncGetAttribute");
        // CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, _LOCAL_SIZE_BYTES, _NUM_REGS.
        int shared, local, registers;
        if (attribute(&shared, 1, kernel.FunctionPtr) != 0 || attribute(&local, 3, kernel.FunctionPtr) != 0 || attribute(&registers, 4, kernel.FunctionPtr) != 0) return null;
        return new(registers, local, shared);
    }
}
