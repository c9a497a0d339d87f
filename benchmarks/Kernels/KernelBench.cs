using Specializer.Calibration;
using Specializer.Manifest;

namespace Specializer.Benchmarks.Kernels;

/// <summary>A network of one operation (and what feeds it) on one thread, with random weights and states in place.</summary>
internal sealed class KernelBench : IDisposable
{
    private readonly CpuDevice _device = new(1);
    private readonly PackedWeights _packed;
    private readonly DeviceWeights _weights;

    /// <param name="network">Sound, unconditional and without step vectors.</param>
    /// <param name="step">Parameters of its quantized maps.</param>
    public KernelBench(Network network, InterpretedStep step)
    {
        Interpreter = new(network, 1);
        var random = new Random(3);
        _packed = Interpreter.Pack((name, length) => RandomBytes(name, length, random));
        _weights = _device.Upload(_packed);
        Execution = _device.CreateExecution(_weights, Interpreter.Plan.BytesPerImage, default, 1);
        Execution.Begin(1, [], default);
        var states = new float[Interpreter.LatentElements];
        for (int i = 0; i < states.Length; i++) states[i] = 2 * random.NextSingle() - 1;
        Execution.Write(Interpreter.Latent, states.Length, states);
        Interpreter.Run(Execution, 0, step); // fills the maps that the measured operation reads
    }

    public NetworkInterpreter Interpreter { get; }

    public Execution Execution { get; }

    public Activation Buffer(string map) => Interpreter.Buffer(map);

    public void Dispose()
    {
        Execution.Dispose();
        _weights.Dispose();
        _packed.Dispose();
        _device.Dispose();
    }

    // Real numbers are small and positive, as scales must be. Integer weights are spread as trained ones are, most of them small:
    // each nibble is the sum of two throws, from −6 to 7, which also fills 8-bit weights.
    private static byte[] RandomBytes(string name, long length, Random random)
    {
        var bytes = new byte[length];
        bool real = !name.EndsWith(KernelNetworks.IntegerWeights, StringComparison.Ordinal);
        for (int i = 0; i < bytes.Length; i += real ? 4 : 1)
        {
            if (real) BitConverter.TryWriteBytes(bytes.AsSpan(i), 0.01f + 0.1f * random.NextSingle());
            else bytes[i] = (byte)(Nibble(random) | Nibble(random) << 4);
        }

        return bytes;
    }

    private static int Nibble(Random random) => (random.Next(-3, 5) + random.Next(-3, 4)) & 15;
}
