using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Counts one evaluation of a network for one image. Counting rule (docs/method.md, "Bits"): multiply-accumulates of convolutions, of both attention
/// products and of the embedding's projections; bit operations are multiply-accumulates × weight bits × activation bits, 32·32 where nothing is quantized.
/// Norms, non-linearities and the solver are not counted.</summary>
internal static class NetworkCost
{
    /// <summary>The rule, to be printed beside every figure.</summary>
    public const string Rule = "bit operations = sum of MACs x weight bits x activation bits over all layers and steps; FP32 layers count 32 x 32";

    /// <summary>Multiply-accumulates of one evaluation.</summary>
    public static long MultiplyAccumulates(Network network) => Sum(network, static (macs, _) => macs);

    /// <summary>Σ MACs·n_w·n_a of one evaluation.</summary>
    /// <param name="network">The network; its convolutions' weight bits decide n_w.</param>
    /// <param name="activationBits">n_a where weights have 4 bits; 8-bit weights meet 8-bit activations.</param>
    public static long BitOperations(Network network, int activationBits) => Sum(network, (macs, weightBits) => macs * weightBits switch
    {
        4 => 4 * activationBits,
        8 => 8 * 8,
        _ => 32 * 32,
    });

    /// <summary>FP32 bit operations over those of a sampler whose steps have these activation bits. What runs once a call counts once, with 8-bit activations.</summary>
    public static double BitOperationsSaved(Network network, IEnumerable<int> activationBits)
    {
        var linked = LinkedNetwork.Of(network);
        Network once = network with { Embedding = new(0, 0, 0), Operations = linked.Network.Operations.Take(linked.CallOperations).ToEquatableArray() },
            each = network with { Operations = linked.Network.Operations.Skip(linked.CallOperations).ToEquatableArray() };
        double full = MultiplyAccumulates(once) * 1024.0, reduced = BitOperations(once, 8);
        foreach (int bits in activationBits)
        {
            full += MultiplyAccumulates(each) * 1024.0;
            reduced += BitOperations(each, bits);
        }

        return full / reduced;
    }

    private static long Sum(Network network, Func<long, int, long> cost)
    {
        var maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        // A folded time embedding costs nothing; labels are projected in each step.
        long sum = cost((long)network.Embedding.Width * network.Embedding.Vectors, 32);
        foreach (Operation operation in network.Operations)
        {
            OperationCost its = operation.Cost(maps);
            sum = checked(sum + cost(its.MultiplyAccumulates, its.Bits));
        }

        return sum;
    }
}
