using Microsoft.ML.OnnxRuntime;

namespace Specializer.Benchmarks.Measurement;

/// <summary>A named tensor in memory of our own, which ONNX Runtime reads or writes in place.</summary>
/// <param name="Name">Of the model's input or output.</param>
/// <param name="Value">Over an array of floats or longs.</param>
internal sealed record OnnxTensor(string Name, OrtValue Value);

/// <summary>A model in ONNX Runtime with its tensors bound: the settings that make it fastest for one caller (all graph optimizations,
/// sequential execution, its own threads for the insides of operators).</summary>
internal sealed class OnnxSession : IDisposable
{
    /// <summary>The model's file in its folder.</summary>
    public const string ModelFile = "model.onnx";

    private readonly DirectoryInfo _folder;
    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();
    private readonly string[] _inputNames, _outputNames;
    private readonly OrtValue[] _inputs, _outputs;

    /// <param name="folder">Holds the model and its tensors; becomes the session's, which deletes it in the end.</param>
    /// <param name="threads">Threads, the caller's included.</param>
    /// <param name="inputs">All inputs of the model; their values become the session's.</param>
    /// <param name="outputs">The outputs wanted; the same.</param>
    public OnnxSession(DirectoryInfo folder, int threads, OnnxTensor[] inputs, OnnxTensor[] outputs)
    {
        using var options = new SessionOptions
        {
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
        };
        _folder = folder;
        _session = new(Path.Combine(folder.FullName, ModelFile), options);
        (_inputNames, _inputs) = ([.. inputs.Select(t => t.Name)], [.. inputs.Select(t => t.Value)]);
        (_outputNames, _outputs) = ([.. outputs.Select(t => t.Name)], [.. outputs.Select(t => t.Value)]);
    }

    /// <summary>Of ONNX Runtime.</summary>
    public static string Version => OrtEnv.Instance().GetVersionString();

    /// <summary>Evaluates the model from the bound inputs into the bound outputs.</summary>
    public void Run() => _session.Run(_options, _inputNames, _inputs, _outputNames, _outputs);

    public void Dispose()
    {
        foreach (OrtValue value in (OrtValue[])[.. _inputs, .. _outputs]) value.Dispose();
        _options.Dispose();
        _session.Dispose();
        _folder.Delete(recursive: true);
    }
}
