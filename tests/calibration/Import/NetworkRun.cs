using System.Runtime.InteropServices;

namespace Specializer.Calibration.Tests;

/// <summary>Evaluates a network that knows no timestep.</summary>
internal static class NetworkRun
{
    /// <param name="network">The network.</param>
    /// <param name="input">NHWC, one image after the other.</param>
    /// <param name="images">How many.</param>
    /// <param name="threads">Threads of the device.</param>
    public static float[] Evaluate(ImportedNetwork network, float[] input, int images, int threads = 2)
    {
        using var device = new CpuDevice(threads);
        using var evaluator = new NetworkEvaluator(network.Network, 0, (name, _) => MemoryMarshal.AsBytes(network.Tensors[name].AsSpan()).ToArray(), device, images);
        var output = new float[images * evaluator.Interpreter.Elements(network.Network.Epsilon)];
        evaluator.Evaluate(0, InterpretedStep.Float32, input, [], output);
        return output;
    }
}
