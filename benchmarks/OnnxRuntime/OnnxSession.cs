using System.Runtime.InteropServices;
using System.Text;
using static Specializer.Benchmarks.OnnxRuntime.OnnxRuntimeLibrary;

namespace Specializer.Benchmarks.OnnxRuntime;

/// <summary>A named tensor in memory of our own, which ONNX Runtime reads or writes in place.</summary>
/// <param name="Name">Of the model's input or output.</param>
/// <param name="Dimensions">Its shape.</param>
/// <param name="Values">float[] or long[].</param>
internal sealed record OnnxTensor(string Name, long[] Dimensions, Array Values);

/// <summary>A model in ONNX Runtime with its tensors bound: the settings that make it fastest for one caller (all graph optimizations,
/// sequential execution, its own threads for the insides of operators).</summary>
internal sealed unsafe class OnnxSession : IDisposable
{
    private readonly OnnxRuntimeLibrary _library;
    private readonly nint _session;
    private readonly nint _memory;
    private readonly List<GCHandle> _pins = [];
    private readonly nint[] _inputNames, _inputs, _outputNames, _outputs;

    /// <param name="library">ONNX Runtime.</param>
    /// <param name="model">ModelProto.</param>
    /// <param name="threads">Threads, the caller's included.</param>
    /// <param name="inputs">All inputs of the model.</param>
    /// <param name="outputs">The outputs wanted.</param>
    public OnnxSession(OnnxRuntimeLibrary library, ReadOnlySpan<byte> model, int threads, OnnxTensor[] inputs, OnnxTensor[] outputs)
    {
        const int sequential = 0, allOptimizations = 99, arenaAllocator = 1, defaultMemory = 0;
        _library = library;
        nint options, session, memory;
        library.Check(((delegate* unmanaged<nint*, nint>)library[Entry.CreateSessionOptions])(&options));
        try
        {
            Set(Entry.SetSessionExecutionMode, options, sequential);
            Set(Entry.SetSessionGraphOptimizationLevel, options, allOptimizations);
            Set(Entry.SetIntraOpNumThreads, options, threads);
            Set(Entry.SetInterOpNumThreads, options, 1);
            fixed (byte* bytes = model)
                library.Check(((delegate* unmanaged<nint, byte*, nint, nint, nint*, nint>)library[Entry.CreateSessionFromArray])(
                    library.Environment, bytes, model.Length, options, &session));
        }
        finally
        {
            library.Release(Entry.ReleaseSessionOptions, options);
        }

        _session = session;
        library.Check(((delegate* unmanaged<int, int, nint*, nint>)library[Entry.CreateCpuMemoryInfo])(arenaAllocator, defaultMemory, &memory));
        _memory = memory;
        (_inputNames, _inputs) = Bind(inputs);
        (_outputNames, _outputs) = Bind(outputs);
    }

    /// <summary>Evaluates the model from the bound inputs into the bound outputs.</summary>
    public void Run()
    {
        fixed (nint* inputNames = _inputNames, inputs = _inputs, outputNames = _outputNames, outputs = _outputs)
            _library.Check(((delegate* unmanaged<nint, nint, nint*, nint*, nint, nint*, nint, nint*, nint>)_library[Entry.Run])(
                _session, 0, inputNames, inputs, _inputs.Length, outputNames, _outputs.Length, outputs));
    }

    public void Dispose()
    {
        foreach (nint value in (nint[])[.. _inputs, .. _outputs]) _library.Release(Entry.ReleaseValue, value);
        _library.Release(Entry.ReleaseMemoryInfo, _memory);
        _library.Release(Entry.ReleaseSession, _session);
        foreach (GCHandle pin in _pins) pin.Free();
    }

    private void Set(Entry entry, nint options, int value) =>
        _library.Check(((delegate* unmanaged<nint, int, nint>)_library[entry])(options, value));

    private (nint[] Names, nint[] Values) Bind(OnnxTensor[] tensors)
    {
        const int float32 = 1, int64 = 7;
        var names = new nint[tensors.Length];
        var values = new nint[tensors.Length];
        for (int i = 0; i < tensors.Length; i++)
        {
            OnnxTensor tensor = tensors[i];
            names[i] = Pin(Encoding.UTF8.GetBytes(tensor.Name + '\0'));
            nint value;
            fixed (long* dimensions = tensor.Dimensions)
                _library.Check(((delegate* unmanaged<nint, nint, nint, long*, nint, int, nint*, nint>)_library[Entry.CreateTensorWithDataAsOrtValue])(
                    _memory, Pin(tensor.Values), Buffer.ByteLength(tensor.Values), dimensions, tensor.Dimensions.Length, tensor.Values is long[]? int64 : float32, &value));
            values[i] = value;
        }

        return (names, values);
    }

    private nint Pin(object array)
    {
        var pin = GCHandle.Alloc(array, GCHandleType.Pinned);
        _pins.Add(pin);
        return pin.AddrOfPinnedObject();
    }
}
