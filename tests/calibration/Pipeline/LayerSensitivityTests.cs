using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class LayerSensitivityTests
{
    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    [Theory]
    [InlineData(1, new[] { 1 })]
    [InlineData(2, new[] { 2, 1 })]
    [InlineData(11, new[] { 11, 5, 2, 1 })]
    public void HalfAsManyLayersAreTriedEachTime(int most, int[] counts) => Assert.Equal(counts, SensitivePhase.Counts(most));

    [Fact]
    public void EveryFourBitLayerIsMeasuredAloneAndRankedByItsCost()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        var options = new CalibrationOptions { Steps = 2, Trajectories = 2, Rounding = RoundingChoice.Nearest };
        var context = new CalibrationContext(Model, Calibrator.Solver(Model, options), options, device, 2, null, default);
        var checkpoint = new Checkpoint(folder.Root, "tiny", "these options");
        var run = new CalibrationRun(context, checkpoint);
        run.CollectActivations();
        run.QuantizeWeights();

        LayerHarm[] harms = LayerSensitivity.Measure(run, checkpoint);

        ConvolutionOperation[] four = [.. run.Quantized.Network.Operations.OfType<ConvolutionOperation>().Where(o => o.WeightBits == 4)];
        Assert.Equal(four.Select(o => o.Name).Order(StringComparer.Ordinal), harms.Select(h => h.Layer).Order(StringComparer.Ordinal));
        Assert.Equal(harms.Select(h => h.PerOperation).OrderDescending(), harms.Select(h => h.PerOperation));
        Assert.All(harms, h => Assert.True(h.Error > 0 && double.IsFinite(h.Error), $"{h}"));
        // A layer alone harms less than all of them together.
        var noise = new NoiseCollector([.. run.Ranges(run.Own(4)).Select(CalibrationRun.Quantizations)], Model, options);
        using (ReferenceTrajectories reference = context.Reference())
        using (NetworkEvaluator quantized = run.Evaluator(run.Own(4)))
        {
            foreach (TrajectoryState state in reference.Run(0)) noise.Add(state, quantized, Model.NullLabel, default);
        }

        double together = Enumerable.Range(0, 2).Average(step => noise.Moments(step).Covariance(1, 1));
        Assert.All(harms, h => Assert.True(h.Error < together, $"{h} against {together}"));
        // What is measured already is read.
        Assert.Equal(harms, LayerSensitivity.Measure(run, checkpoint));
    }

    [Fact]
    public void WeightsOfAnotherWidthHaveTheNoiseThatTheyHad()
    {
        using var device = new CpuDevice(2);
        var options = new CalibrationOptions { Steps = 2, Trajectories = 2, Rounding = RoundingChoice.Nearest };
        var run = new CalibrationRun(new(Model, Calibrator.Solver(Model, options), options, device, 2, null, default), Checkpoint.None);
        run.CollectActivations();
        run.QuantizeWeights();
        run.CollectNoise();

        CalibrationRun kept = run.Keeping(["mid_block.resnets.0.conv1"]);
        kept.QuantizeWeights();
        kept.CollectNoise();

        QuantizationVariant own = kept.Own(8), other = own with { WeightBits = 8 };
        Assert.NotEqual(run.Noise(own).Fit(0).SnrDb, kept.Noise(own).Fit(0).SnrDb);
        Assert.Same(run.Noise(other), kept.Noise(other));
        // Measured again it would be no other.
        var noise = new NoiseCollector([.. kept.Ranges(other).Select(CalibrationRun.Quantizations)], Model, options);
        using ReferenceTrajectories reference = run.Context.Reference();
        using NetworkEvaluator quantized = kept.Evaluator(other);
        foreach (TrajectoryState state in reference.Run(0)) noise.Add(state, quantized, Model.NullLabel, default);
        Assert.All(Enumerable.Range(0, 2), step => Assert.Equal(noise.Fit(step).SnrDb, kept.Noise(other).Fit(step).SnrDb));
    }
}
