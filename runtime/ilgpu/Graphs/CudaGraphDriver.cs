using System.Runtime.InteropServices;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Specializer.Ilgpu.Graphs;

/// <summary>CUDA graphs, which ILGPU's binding does not know. Never run so far: docs/gpu.md.</summary>
internal sealed unsafe class CudaGraphDriver : IGraphDriver
{
    /// <summary>CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may allocate meanwhile.</summary>
    private const int ThreadLocal = 1;

    private readonly delegate* unmanaged<nint, int, CudaError> _beginCapture;
    private readonly delegate* unmanaged<nint, nint*, CudaError> _endCapture;
    private readonly delegate* unmanaged<nint*, nint, ulong, CudaError> _instantiate;
    private readonly delegate* unmanaged<nint, nint, CudaError> _launch;
    private readonly delegate* unmanaged<nint, CudaError> _destroyGraph, _destroyExecutable;

    /// <exception cref="DeviceCapabilityException">The driver is older than these functions.</exception>
    public CudaGraphDriver()
    {
        _beginCapture = (delegate* unmanaged<nint, int, CudaError>)Find("cuStreamBeginCapture_v2");
        _endCapture = (delegate* unmanaged<nint, nint*, CudaError>)Find("cuStreamEndCapture");
        _instantiate = (delegate* unmanaged<nint*, nint, ulong, CudaError>)Find("cuGraphInstantiateWithFlags");
        _launch = (delegate* unmanaged<nint, nint, CudaError>)Find("cuGraphLaunch");
        _destroyGraph = (delegate* unmanaged<nint, CudaError>)Find("cuGraphDestroy");
        _destroyExecutable = (delegate* unmanaged<nint, CudaError>)Find("cuGraphExecDestroy");
    }

    public void BeginCapture(AcceleratorStream stream) => Check("cuStreamBeginCapture", _beginCapture(Pointer(stream), ThreadLocal));

    public nint EndCapture(AcceleratorStream stream)
    {
        nint graph;
        Check("cuStreamEndCapture", _endCapture(Pointer(stream), &graph));
        return graph;
    }

    public nint Instantiate(nint graph)
    {
        nint executable;
        Check("cuGraphInstantiateWithFlags", _instantiate(&executable, graph, 0));
        return executable;
    }

    public void Launch(nint executable, AcceleratorStream stream) => Check("cuGraphLaunch", _launch(executable, Pointer(stream)));

    public void DestroyGraph(nint graph) => Check("cuGraphDestroy", _destroyGraph(graph));

    public void DestroyExecutable(nint executable) => Check("cuGraphExecDestroy", _destroyExecutable(executable));

    private static nint Pointer(AcceleratorStream stream) => ((CudaStream)stream).StreamPtr;

    private static nint Find(string function) => CudaDriver.TryLoad(out nint library) && NativeLibrary.TryGetExport(library, function, out nint address) ? address
        : throw new DeviceCapabilityException($"The CUDA driver has no {function}, which {nameof(IlgpuDeviceOptions.StepGraphs)} needs (CUDA 11.4). Update the driver, or open the device without that option.");

    private static void Check(string function, CudaError error)
    {
        if (error != CudaError.CUDA_SUCCESS) throw new CudaException($"{function}: {new CudaException(error).Message} ({error}; {nameof(IlgpuDeviceOptions.StepGraphs)} is on).");
    }
}
