using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>How blocks are reconstructed. The defaults are the literature's (AdaRound, BRECQ, Q-Diffusion).</summary>
public sealed record ReconstructionOptions
{
    /// <summary>Steps of the optimizer for each block.</summary>
    public int Iterations { get; init; } = 10_000;
    /// <summary>λ: weight of the term that drives every weight to one of its two integers.</summary>
    public double RoundingWeight { get; init; } = 0.01;
    /// <summary>β at the end of the warm-up: high lets weights move freely.</summary>
    public double BetaStart { get; init; } = 20;
    /// <summary>β at the end.</summary>
    public double BetaEnd { get; init; } = 2;
    /// <summary>Share of the iterations before the rounding term acts, in [0, 1).</summary>
    public double WarmUp { get; init; } = 0.2;
    /// <summary>Samples of an iteration.</summary>
    public int BatchSize { get; init; } = 32;
    /// <summary>Learning rate of the rounding.</summary>
    public double RoundingRate { get; init; } = 1e-3;
    /// <summary>Learning rate of the activations' step sizes, relative to their size, falling to 0 along a cosine; 0 leaves them as they are.</summary>
    public double ActivationRate { get; init; } = 1e-3;
    /// <summary>Seed of the choice of samples.</summary>
    public ulong Seed { get; init; }

    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    internal void Validate()
    {
        Require(Iterations >= 1, $"Block reconstruction needs at least 1 iteration, not {Iterations}.");
        Require(BatchSize >= 1, $"Block reconstruction needs at least 1 sample an iteration, not {BatchSize}.");
        Require(RoundingWeight >= 0 && double.IsFinite(RoundingWeight), $"The weight of the rounding term is at least 0, not {RoundingWeight}.");
        Require(BetaStart >= BetaEnd && BetaEnd > 0 && double.IsFinite(BetaStart), $"β falls to a positive number, not from {BetaStart} to {BetaEnd}.");
        Require(WarmUp is >= 0 and < 1, $"The warm-up is a share in [0, 1), not {WarmUp}.");
        Require(RoundingRate > 0 && ActivationRate >= 0, $"Learning rates are positive (0 keeps the activations' step sizes), not {RoundingRate} and {ActivationRate}.");

        static void Require(bool condition, string message)
        {
            if (!condition) throw new ArgumentException(message);
        }
    }
}

/// <summary>What to reconstruct.</summary>
/// <param name="Model">Gives the FP32 network and its weights.</param>
/// <param name="Quantized">The network with integers.</param>
/// <param name="Timesteps">One row of the embedding's table for each.</param>
/// <param name="Weights">Where to start, by convolution; also the result of a block that does not improve on it.</param>
/// <param name="Rows">Where the activations' step sizes start: rows of parameters of every quantized map. A step calibrated for two bit widths has two rows.</param>
/// <param name="Samples">States of FP32 trajectories.</param>
/// <param name="Options">How.</param>
internal sealed record ReconstructionRequest(
    ImportedModel Model, Network Quantized, IReadOnlyList<float> Timesteps, IReadOnlyDictionary<string, QuantizedWeights> Weights,
    IReadOnlyList<Quantization[]> Rows, IReadOnlyList<ReconstructionSample> Samples, ReconstructionOptions Options)
{
    /// <summary>Told after each hundredth of a block.</summary>
    public IProgress<CalibrationProgress>? Progress { get; init; }

    /// <summary>How many blocks, in order, an interrupted run has learned already: <see cref="Weights"/> and <see cref="Rows"/> hold what came out of them.</summary>
    public int BlocksDone { get; init; }

    /// <summary>Told after each block how many are done, and the weights and rows as they stand: what <see cref="BlocksDone"/> goes on from.</summary>
    public Action<int, IReadOnlyDictionary<string, QuantizedWeights>, IReadOnlyList<Quantization[]>>? BlockDone { get; init; }
}

/// <summary>One image's state.</summary>
/// <param name="Step">Row of the embedding's table.</param>
/// <param name="Row">Row of quantization parameters to learn with it.</param>
/// <param name="Label">0 for an unconditional network.</param>
/// <param name="X">NHWC.</param>
internal sealed record ReconstructionSample(int Step, int Row, int Label, float[] X);

/// <summary>What was learned.</summary>
/// <param name="Weights">By convolution.</param>
/// <param name="Rows">As in the request; zero points and levels are unchanged.</param>
/// <param name="Blocks">In order, those that this run learned.</param>
internal sealed record ReconstructedNetwork(
    IReadOnlyDictionary<string, QuantizedWeights> Weights, IReadOnlyList<Quantization[]> Rows, IReadOnlyList<ReconstructedBlock> Blocks);

/// <summary>How a block fared: mean squared error of its output on the samples, inputs quantized, against the FP32 network.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Before">With the request's weights and step sizes.</param>
/// <param name="Learned">With what was learned; kept only where it is lower.</param>
internal sealed record ReconstructedBlock(string Name, double Before, double Learned)
{
    /// <summary>Whether the learned values are the result.</summary>
    public bool Kept => Learned < Before;
}
