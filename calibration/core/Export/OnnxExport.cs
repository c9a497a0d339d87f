using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration.Export;

/// <summary>Writes imported models as ONNX files that other runtimes run.</summary>
public static class OnnxExport
{
    private const int RangeSteps = 20, RangeImages = 4;
    private const ulong Seed = 0;

    /// <summary>Writes the network that predicts ε from <c>sample</c> (FP32 [N, C, H, W]) and <c>timestep</c> (int64 [N], a training timestep), with
    /// <c>label</c> (int64 [N]) for a class-conditional model and <c>encoder_hidden_states</c> (FP32 [N, tokens, C]) for one with a condition, to <c>epsilon</c>.</summary>
    /// <param name="model">The model.</param>
    /// <param name="output">Receives the file.</param>
    /// <param name="int8">True to compute convolutions in int8, between QuantizeLinear and DequantizeLinear; the ranges (minimum and maximum) come from drawing
    /// four images in twenty DDIM steps. Quality is that of plain static quantization.</param>
    /// <param name="device">Where to draw them; null for a CPU device of its own. Not used for FP32.</param>
    /// <param name="cancellationToken">Acts while the images are drawn.</param>
    /// <exception cref="NotSupportedException">The model is too large for the format, or its scheduler asks for dynamic thresholding or learned variances
    /// or it needs a condition (each only with <paramref name="int8"/>).</exception>
    public static void Write(ImportedModel model, Stream output, bool int8 = false, Device? device = null, CancellationToken cancellationToken = default) =>
        Write(model, output, null, int8, device, cancellationToken);

    /// <summary>Writes a model in FP32 with its tensors in a file of their own, as models above 2 GB need: ONNX's external data. Memory then holds one tensor at a time.</summary>
    /// <param name="model">The model.</param>
    /// <param name="output">Receives the file.</param>
    /// <param name="data">Receives the tensors.</param>
    /// <param name="dataName">Name of the tensors' file, which lies beside the model's.</param>
    /// <exception cref="ArgumentException">The name has a folder in it.</exception>
    public static void Write(ImportedModel model, Stream output, Stream data, string dataName)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentException.ThrowIfNullOrEmpty(dataName);
        if (Path.GetFileName(dataName) != dataName) throw new ArgumentException($"The tensors' file lies beside the model's; name it without a folder, not '{dataName}'.", nameof(dataName));
        Write(model, output, new OnnxData(data, dataName), int8: false, null, default);
    }

    /// <summary>Bytes of the tensors that are written, nearly all there is to a file, from shapes alone; with int8, where not all have a byte an element, the least.</summary>
    /// <param name="network">FP32.</param>
    /// <param name="timesteps">Rows of its table of timesteps; 0 for a network that knows none.</param>
    /// <param name="int8">Whether convolutions are written in int8.</param>
    internal static long Bytes(Network network, int timesteps, bool int8 = false) => WeightTensors.Of(network, timesteps).Values.Sum(t => int8 ? t.Elements : t.Bytes);

    private static void Write(ImportedModel model, Stream output, OnnxData? data, bool int8, Device? device, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(output);
        if (int8 && model.Network.Inputs.Count > 0)
            throw new NotSupportedException($"{model.Name} reads {string.Join(", ", model.Network.Inputs)}, which drawing images for int8's ranges cannot give. Export it in FP32.");
        int timesteps = model.Scheduler.TrainTimesteps;
        IReadOnlyDictionary<string, float[]> tensors = model.Tensors([.. Enumerable.Range(0, timesteps).Select(t => (float)t)]);
        OnnxExporter.Export(model.Network, name => tensors[name], output, new()
        {
            Timesteps = timesteps,
            Data = data,
            Ranges = int8 ? Ranges(model, device, cancellationToken) : null,
        });
    }

    private static ActivationRanges Ranges(ImportedModel model, Device? device, CancellationToken cancellationToken)
    {
        using Device? own = device is null ? new CpuDevice() : null;
        SolverProgram program = model.Scheduler.Run("ddim", RangeSteps, eta: 0).Program;
        var plan = new SolverPlan(program);
        var interpreter = new NetworkInterpreter(model.Network, RangeSteps, plan);
        var solver = new InterpretedSolver(interpreter, plan, program.Evaluations, program, _ => false);
        using PackedWeights packed = interpreter.Pack(model.TensorBytes([.. program.Evaluations.Select(e => e.Timestep.Single)]));
        Device used = device ?? own!;
        using DeviceWeights weights = used.Upload(packed);
        using Execution run = used.CreateExecution(weights, interpreter.Plan.BytesPerImage, interpreter.Vectors, RangeImages);
        int[] labels = TrajectoryLabels.Of(model, Seed, 0, RangeImages);
        if (labels.Length == 0) labels = new int[RangeImages];
        run.Begin(DrawnImage.Consecutive(RangeImages, Seed, firstIndex: 0, guidance: 1), labels, cancellationToken);
        solver.Begin(run);

        var collector = new RangeCollector(interpreter);
        for (int step = 0; step < RangeSteps; step++)
        {
            interpreter.Run(run, step, InterpretedStep.Float32, collector.Observe);
            solver.After(run, step);
        }

        return collector.Ranges;
    }
}
