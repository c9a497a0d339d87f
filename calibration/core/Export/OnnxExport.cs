using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration.Export;

/// <summary>Writes imported models as ONNX files that other runtimes run.</summary>
public static class OnnxExport
{
    /// <summary>Writes the network that predicts ε from <c>sample</c> (FP32 [N, C, H, W]) and <c>timestep</c> (int64 [N], a training timestep), with
    /// <c>label</c> (int64 [N]) for a class-conditional model and the network's further inputs by their names (<see cref="ImportedModel.Inputs"/>), such as <c>encoder_hidden_states</c> (FP32 [N, tokens, C]), to <c>epsilon</c>.</summary>
    /// <param name="model">The model. For int8, one with a condition is read with what makes it (<see cref="PipelineImporter"/>).</param>
    /// <param name="output">Receives the file.</param>
    /// <param name="data">Receives the tensors, as models above 2 GB need; null for all in one file.</param>
    /// <param name="int8">Computes convolutions and linear layers in int8, between QuantizeLinear and DequantizeLinear, with ranges of pictures that are drawn before. Quality is that of plain static quantization. Null for FP32.</param>
    /// <param name="cancellationToken">Acts while the pictures are drawn.</param>
    /// <exception cref="NotSupportedException">The model is too large for one file; or it reads a mask, which int8 does not take.</exception>
    /// <exception cref="ArgumentException">Prompts or guidance do not fit the model, or it has a condition and nothing that makes it.</exception>
    /// <exception cref="ArithmeticException">An activation is not finite.</exception>
    public static void Write(ImportedModel model, Stream output, OnnxData? data = null, OnnxInt8Options? int8 = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(output);
        int timesteps = model.Scheduler.TrainTimesteps;
        IReadOnlyDictionary<string, float[]> tensors = model.Tensors([.. Enumerable.Range(0, timesteps).Select(t => (float)t)]);
        OnnxExporter.Export(model.Network, name => tensors[name], output, new()
        {
            Timesteps = timesteps,
            Data = data,
            Ranges = int8 is null ? null : DrawnRanges.Of(model, int8, cancellationToken),
        });
    }

    /// <summary>Bytes of the tensors that are written, nearly all there is to a file, from shapes alone.</summary>
    /// <param name="network">FP32.</param>
    /// <param name="timesteps">Rows of its table of timesteps; 0 for a network that knows none.</param>
    /// <param name="int8">Whether convolutions are written in int8.</param>
    internal static long Bytes(Network network, int timesteps, bool int8 = false)
    {
        HashSet<string> integers = int8 ? [.. network.Operations.OfType<ConvolutionOperation>().Select(o => $"{o.Name}.weight")] : [];
        return WeightTensors.Of(network, timesteps).Sum(t => integers.Contains(t.Key) ? t.Value.Elements : t.Value.Bytes);
    }
}
