using Specializer.Calibration;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.TorchSharp.Tests;

public class BlockReconstructionTests
{
    private static readonly ReconstructionOptions s_few = new() { Iterations = 100, BatchSize = 4, RoundingRate = 1e-2 };
    private static readonly Lazy<Learned> s_learned = new(() =>
    {
        var tiny = new TinyModel();
        ReconstructionRequest request = tiny.Request(s_few);
        return new(tiny, request, Reconstruct(request));
    });

    private sealed record Learned(TinyModel Tiny, ReconstructionRequest Request, ReconstructedNetwork Result);

    [TorchFact]
    public void Blocks_come_closer_to_FP32_than_with_nearest_rounding()
    {
        ReconstructedNetwork result = s_learned.Value.Result;
        Assert.Equal(["conv_in", "down_blocks.0.resnets.0", "conv_out"], result.Blocks.Select(b => b.Name));
        Assert.All(result.Blocks.Skip(1), b => Assert.True(b.Learned < 0.9 * b.Before, $"{b.Name}: {b.Learned:E3}, nearest {b.Before:E3}"));
    }

    [TorchFact]
    public void The_integer_kernels_have_the_error_that_was_learned()
    {
        var (tiny, request, result) = s_learned.Value;
        double nearest = tiny.KernelError(request.Weights, request.Rows), learned = tiny.KernelError(result.Weights, result.Rows);
        Assert.True(learned < 0.9 * nearest, $"{learned:E3}, nearest {nearest:E3}");
        // The last block's output is the network's, so what was simulated is what the kernels do; a value at the border between two integers may fall to either side.
        ReconstructedBlock last = result.Blocks[^1];
        Assert.True(last.Kept);
        Assert.InRange(learned / last.Learned, 0.98, 1.02);
    }

    [TorchFact]
    public void Weights_round_up_or_down_and_only_step_sizes_change()
    {
        var (tiny, request, result) = s_learned.Value;
        bool anyChanged = false;
        foreach (var (name, learned) in result.Weights)
        {
            QuantizedWeights start = request.Weights[name];
            float[] weights = tiny.Model.Weights[$"{name}.weight"];
            int columns = weights.Length / start.Scales.Length, limit = WeightScales.Limit(start.Bits);
            Assert.Equal(start.Scales, learned.Scales);
            for (int i = 0; i < weights.Length; i++)
            {
                double exact = Math.Clamp(weights[i] / start.Scales[i / columns], -limit, limit);
                Assert.InRange(learned.Values[i], Math.Floor(exact) - 1e-3, Math.Ceiling(exact) + 1e-3);
                anyChanged |= learned.Values[i] != start.Values[i];
            }
        }

        Assert.True(anyChanged);
        foreach (var (before, after) in request.Rows.SelectMany(r => r).Zip(result.Rows.SelectMany(r => r)))
        {
            Assert.Equal(before with { Scale = after.Scale }, after);
            Assert.InRange(after.Scale / before.Scale, 0.5f, 2f);
        }

        Assert.NotEqual(request.Rows.SelectMany(r => r), result.Rows.SelectMany(r => r));
    }

    [TorchFact]
    public void Without_an_activation_rate_step_sizes_stay()
    {
        var tiny = new TinyModel();
        ReconstructionRequest request = tiny.Request(s_few with { Iterations = 2, ActivationRate = 0 });
        Assert.Equal(request.Rows.SelectMany(r => r), Reconstruct(request).Rows.SelectMany(r => r));
    }

    [TorchFact]
    public void A_block_that_comes_out_worse_keeps_what_it_had()
    {
        var tiny = new TinyModel();
        // So fast a rate tears the step sizes away from any use.
        ReconstructionRequest request = tiny.Request(s_few with { Iterations = 1, RoundingRate = 100, ActivationRate = 5 });
        ReconstructedNetwork result = Reconstruct(request);
        Assert.Contains(result.Blocks, b => !b.Kept);
        Assert.Equal(tiny.KernelError(request.Weights, request.Rows), tiny.KernelError(result.Weights, result.Rows), 1e-12);
    }

    [TorchFact]
    public void Bad_input_is_refused()
    {
        var tiny = new TinyModel();
        ReconstructionRequest request = tiny.Request(s_few);
        Assert.Contains("at least one trajectory", Assert.Throws<ArgumentException>(() => Reconstruct(request with { Samples = [] })).Message);
        Assert.Contains("warm-up", Assert.Throws<ArgumentException>(() => Reconstruct(request with { Options = s_few with { WarmUp = 1 } })).Message);
        Assert.Contains("conv_in", Assert.Throws<ArgumentException>(() => Reconstruct(request with { Weights = new Dictionary<string, QuantizedWeights>() })).Message);
        Assert.Throws<OperationCanceledException>(() => Torch.Engine().Reconstruct(request, new(canceled: true)));
    }

    private static ReconstructedNetwork Reconstruct(ReconstructionRequest request) => Torch.Engine().Reconstruct(request, default);
}
