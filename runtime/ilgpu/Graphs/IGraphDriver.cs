using ILGPU.Runtime;

namespace Specializer.Ilgpu.Graphs;

/// <summary>What a driver offers to record the launches on a stream and to repeat them with one call. Members throw an <see cref="AcceleratorException"/> when
/// the driver refuses. Tests put a driver of their own here.</summary>
internal interface IGraphDriver
{
    /// <summary>From now on what this thread launches on the stream is recorded and not executed.</summary>
    void BeginCapture(AcceleratorStream stream);

    /// <summary>Ends the recording, also a failed one, which throws. Returns a graph.</summary>
    nint EndCapture(AcceleratorStream stream);

    /// <summary>Makes of a graph what can be launched, and does not need the graph any more.</summary>
    nint Instantiate(nint graph);

    /// <summary>Queues everything that was recorded.</summary>
    void Launch(nint executable, AcceleratorStream stream);

    void DestroyGraph(nint graph);

    /// <summary>May be called while the device still works on it.</summary>
    void DestroyExecutable(nint executable);
}
