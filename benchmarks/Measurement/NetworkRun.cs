using Microsoft.ML.OnnxRuntime;
using Specializer.Benchmarks.Models;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.Kernels;
using Specializer.Manifest;

namespace Specializer.Benchmarks.Measurement;

/// <summary>A network of ours, ready to be evaluated again and again on states that are already in place.</summary>
internal sealed class NetworkRun : IDisposable
{
    private readonly PackedWeights _packed;
    private readonly DeviceWeights _weights;
    private readonly InterpretedStep[] _steps;
    private int _next;

    /// <param name="network">FP32 or quantized.</param>
    /// <param name="bytes">Tensors, as the packer asks for them.</param>
    /// <param name="steps">Parameters that successive runs take in turn.</param>
    /// <param name="model">Gives the states.</param>
    /// <param name="device">Where to run.</param>
    /// <param name="batch">Images.</param>
    public NetworkRun(Network network, Func<string, long, byte[]> bytes, InterpretedStep[] steps, BenchmarkModel model, Device device, int batch)
    {
        _steps = steps;
        Interpreter = new(network, BenchmarkModel.Timesteps.Length);
        _packed = Interpreter.Pack(bytes);
        _weights = device.Upload(_packed);
        Execution = device.CreateExecution(_weights, Interpreter.Plan.BytesPerImage, Interpreter.Vectors, batch);
        Execution.Begin(batch, Labels(network, batch), default);
        Execution.Write(Interpreter.Latent, Interpreter.LatentElements, model.States(batch));
        foreach (var (map, values) in model.Conditions(batch)) Execution.Write(Interpreter.Buffer(map.Name), Interpreter.Elements(map.Name), values);
    }

    public NetworkInterpreter Interpreter { get; }

    public Execution Execution { get; }

    /// <summary>One evaluation: embedding and network, without the solver's step, as other runtimes do it: keys and values of a condition are projected each time, too.</summary>
    public void Run() => Run(null);

    public void Run(OperationObserver? observer)
    {
        Interpreter.Run(Execution, 0, _steps[_next], observer);
        _next = (_next + 1) % _steps.Length;
    }

    /// <summary>Largest magnitude that a sum of an integer convolution can reach by its actual weights: what the choice of its form depends on.</summary>
    public long LargestSum(ConvolutionOperation operation, ConvolutionGeometry geometry)
    {
        if (operation.WeightBits >= 16) return 0;
        var weights = (CpuWeights)_weights;
        var at = new ConvolutionWeights(Interpreter.Layout[operation.Name]);
        return (long)_steps[^1].Quantizations[Interpreter.Slot(operation.Input)].Levels * weights.LargestSum(at, geometry, weights.Find(at, geometry, operation.WeightBits), operation.WeightBits);
    }

    public float[] Epsilon()
    {
        var epsilon = new float[Execution.Batch * Interpreter.LatentElements];
        Execution.Read(Interpreter.Epsilon, Interpreter.LatentElements, epsilon);
        return epsilon;
    }

    /// <summary>The step vectors that <see cref="Run()"/> computed, [batch, vectors]; empty for a network without.</summary>
    public float[] Vectors()
    {
        int count = Interpreter.Network.Embedding.Vectors;
        if (count == 0) return [];
        var vectors = new float[Execution.Batch * count];
        Execution.Read(Interpreter.Vectors, count, vectors);
        return vectors;
    }

    /// <summary>The same network in ONNX Runtime on the same states, and its result [batch, channels, height, width].</summary>
    /// <param name="model">The network.</param>
    /// <param name="ranges">For int8 convolutions; null for FP32.</param>
    /// <param name="dynamic">Whether int8 convolutions find their ranges themselves; <paramref name="ranges"/> is null then.</param>
    /// <param name="vectors">Step vectors, which spare it the embedding; null to let the model compute them from timestep and label.</param>
    /// <param name="threads">Threads, the caller's included.</param>
    /// <param name="batch">Images.</param>
    public static (OnnxSession Session, float[] Epsilon) InOnnxRuntime(
        BenchmarkModel model, ActivationRanges? ranges, bool dynamic, float[]? vectors, int threads, int batch)
    {
        const string tensors = "tensors";
        DirectoryInfo folder = Directory.CreateTempSubdirectory("specializer-benchmark-");
        using (FileStream file = File.Create(Path.Combine(folder.FullName, OnnxSession.ModelFile)), data = File.Create(Path.Combine(folder.FullName, tensors)))
        {
            OnnxExporter.Export(model.Network, name => model.Tensors[name], file,
                new() { Batch = batch, Ranges = ranges, Dynamic = dynamic, Timesteps = vectors is null ? BenchmarkModel.Timesteps.Length : 0, Data = new(data, tensors) });
        }

        Map latent = model.Latent, result = model.Network.Maps.Single(m => m.Name == model.Network.Epsilon);
        long[] Shape(Map map) => map.Height == 1 ? [batch, map.Width, map.Channels] : [batch, map.Channels, map.Height, map.Width];
        float[] states = model.States(batch), epsilon = new float[batch * result.Pixels * result.Channels];
        List<OnnxTensor> inputs = [new("sample", model.Vocabulary > 0
            ? Tensor(states.Select(token => (long)token).ToArray(), [batch, latent.Pixels])
            : Tensor(ToPlanes(states, latent), Shape(latent)))];
        if (vectors is null) inputs.Add(new("timestep", Tensor(new long[batch], [batch])));
        else if (vectors.Length > 0) inputs.Add(new("vectors", Tensor(vectors, [batch, model.Network.Embedding.Vectors])));
        if (vectors is null && model.Network.Embedding.Classes > 0)
            inputs.Add(new("label", Tensor(Labels(model.Network, batch).Select(label => (long)label).ToArray(), [batch])));
        // A map of one row is a list of tokens, which lies in memory as our own does.
        foreach (var (map, values) in model.Conditions(batch)) inputs.Add(new(map.Name, Tensor(values, [batch, map.Width, map.Channels])));
        return (new OnnxSession(folder, threads, [.. inputs], [new("epsilon", Tensor(epsilon, Shape(result)))]), epsilon);

        static OrtValue Tensor<T>(T[] values, long[] dimensions) where T : unmanaged => OrtValue.CreateTensorValueFromMemory(values, dimensions);
    }

    /// <summary>NHWC to NCHW.</summary>
    public static float[] ToPlanes(float[] pixels, Map map)
    {
        int plane = map.Height * map.Width, image = plane * map.Channels;
        var planes = new float[pixels.Length];
        for (int i = 0; i < pixels.Length; i++)
            planes[i / image * image + i % map.Channels * plane + i % image / map.Channels] = pixels[i];
        return planes;
    }

    /// <summary>Between two outputs; NaN where one has a value that is no number, which Enumerable.Max would pass over.</summary>
    public static double LargestDifference(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs((double)x - y)).Aggregate(0.0, Math.Max);

    public void Dispose()
    {
        Execution.Dispose();
        _weights.Dispose();
        _packed.Dispose();
    }

    private static int[] Labels(Network network, int batch) =>
        network.Embedding.Classes == 0 ? new int[batch] : [.. Enumerable.Range(0, batch).Select(i => i % network.Embedding.Classes)];
}
