using System.Runtime.InteropServices;
using Specializer.Benchmarks.Models;

namespace Specializer.Benchmarks.OnnxRuntime;

/// <summary>ONNX Runtime's C API: one table of function pointers, whose order is part of its ABI.</summary>
internal sealed unsafe class OnnxRuntimeLibrary
{
    /// <summary>The first version of the table that has all entries used here; later libraries still serve it.</summary>
    private const uint ApiVersion = 17;

    private const string FileName = "libonnxruntime.so.1";

    private readonly void** _api;

    private OnnxRuntimeLibrary(string path)
    {
        nint library = NativeLibrary.Load(path);
        var apiBase = ((delegate* unmanaged<ApiBase*>)NativeLibrary.GetExport(library, "OrtGetApiBase"))();
        Version = Marshal.PtrToStringUTF8((nint)apiBase->GetVersionString())!;
        _api = apiBase->GetApi(ApiVersion);
        if (_api is null) throw new NotSupportedException($"ONNX Runtime {Version} does not serve version {ApiVersion} of its C API.");
        nint environment;
        fixed (byte* name = "specializer"u8)
        {
            const int warning = 2;
            Check(((delegate* unmanaged<int, byte*, nint*, nint>)this[Entry.CreateEnv])(warning, name, &environment));
        }

        Environment = environment;
    }

    /// <summary>Positions in the table.</summary>
    public enum Entry
    {
        GetErrorMessage = 2,
        CreateEnv = 3,
        CreateSessionFromArray = 8,
        Run = 9,
        CreateSessionOptions = 10,
        SetSessionExecutionMode = 13,
        SetSessionGraphOptimizationLevel = 23,
        SetIntraOpNumThreads = 24,
        SetInterOpNumThreads = 25,
        CreateTensorWithDataAsOrtValue = 49,
        CreateCpuMemoryInfo = 69,
        ReleaseStatus = 93,
        ReleaseMemoryInfo = 94,
        ReleaseSession = 95,
        ReleaseValue = 96,
        ReleaseSessionOptions = 100,
    }

    public string Version { get; }

    public nint Environment { get; }

    public void* this[Entry entry] => _api[(int)entry];

    /// <summary>Loads what install-onnxruntime.sh installed; null when it is not there.</summary>
    /// <param name="withoutAvx512">True for the copy that computes as on a processor without AVX-512.</param>
    public static OnnxRuntimeLibrary? TryLoad(bool withoutAvx512 = false)
    {
        string path = Path.Combine(RepositoryFolder.Find("benchmarks"), ".onnxruntime", withoutAvx512 ? "avx2" : "", FileName);
        return File.Exists(path) ? new(path) : null;
    }

    /// <exception cref="InvalidOperationException">The call failed; carries ONNX Runtime's message.</exception>
    public void Check(nint status)
    {
        if (status == 0) return;
        string message = Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<nint, byte*>)this[Entry.GetErrorMessage])(status)) ?? "no message";
        Release(Entry.ReleaseStatus, status);
        throw new InvalidOperationException("ONNX Runtime: " + message);
    }

    public void Release(Entry entry, nint handle) => ((delegate* unmanaged<nint, void>)this[entry])(handle);

    [StructLayout(LayoutKind.Sequential)]
    private struct ApiBase
    {
        public delegate* unmanaged<uint, void**> GetApi;
        public delegate* unmanaged<byte*> GetVersionString;
    }
}
