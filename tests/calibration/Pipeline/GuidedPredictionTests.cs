using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>With guidance compiled in, what a calibration measures is what its sampler draws.</summary>
public class GuidedPredictionTests
{
    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    [Fact]
    public void WhatIsMeasuredIsWhatTheSamplerDraws()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        var options = new CalibrationOptions
        {
            Steps = 2, Trajectories = 2, Rounding = RoundingChoice.Nearest, Activations = ActivationWidth.Eight, Guidance = 2.5, GuidanceMaximum = 3,
        };
        SchedulerRun solver = Calibrator.Solver(Model, options);
        var run = new CalibrationRun(new(Model, solver, options, device, 2, null, default), new(folder.Root, "tiny", "these options"));
        run.CollectActivations();
        run.QuantizeWeights();
        run.CollectNoise();
        var plan = new CorrectionPlan(MeanCorrectionKind.Divide, false, false);
        QuantizationVariant own = run.Own(8);
        StepDecision[] steps = run.Steps([own, own]);
        CalibrationManifest manifest = run.Manifest(own, steps, plan, "uniform");
        int[] labels = TrajectoryLabels.Of(Model, options.Seed, 0, 2);
        using InterpretedSampler sampler = InterpretedSampler.FromManifest(manifest, run.Tensors.Bytes, device);
        float[] expected = sampler.Sample(new() { Count = 2, Seed = options.Seed, Labels = labels }).Pixels.ToArray();

        using ReferenceTrajectories reference = run.Context.Reference();
        using NetworkEvaluator quantized = run.Evaluator(own);
        ProgramInterpreter drawn = reference.Run(0).First().Solver.Branch();
        for (int step = 0; step < 2; step++)
            drawn.Advance(step, GuidedPrediction.Evaluate(quantized, step, steps[step].Parameters(plan), drawn.State.ToArray(), labels, options.Guidance, Model.NullLabel, default));
        float[] x = drawn.State.ToArray();

        // The runtime derives the map from moments in FP32.
        for (int i = 0; i < x.Length; i++) Assert.Equal(expected[i], x[i], 2e-4f);
        // The manifest's figures are those of that prediction; what is folded into the last layer serves calls without guidance.
        for (int step = 0; step < 2; step++)
        {
            JointMoments moments = run.Noise(own).Moments(step);
            Assert.Equal((float)NoiseFit.Of(moments, 2.5).K, manifest.Steps[step].K.Single);
            Assert.Equal((float)NoiseFit.Of(moments, 2.5).SnrDb, manifest.Steps[step].SnrDb.Single);
            Assert.Equal((float)(1 / (1 + NoiseFit.Of(moments).K)), manifest.Steps[step].Gain.Single);
            Assert.NotEqual(NoiseFit.Of(moments).K, NoiseFit.Of(moments, 2.5).K, 1e-4);
        }
    }
}
