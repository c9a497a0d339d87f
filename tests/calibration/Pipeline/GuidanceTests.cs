using Specializer.Kernels;
using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>The moments that are recorded once for all guidance scales, against measuring at a scale, on the integer kernels.</summary>
public class GuidanceTests(GuidanceTests.Measured measured) : IClassFixture<GuidanceTests.Measured>
{
    [Theory]
    [InlineData(1.5f)]
    [InlineData(2.5f)]
    [InlineData(4f)]
    public void JointMomentsAreThoseOfADirectMeasurementAtThatScale(float guidance)
    {
        for (int step = 0; step < Measured.Steps; step++)
        {
            NoiseFit expected = NoiseFit.Of(measured.Direct(step, guidance)), actual = NoiseFit.Of(measured.Joint.Moments(step), guidance);
            // The direct measurement rounds the combined predictions to FP32.
            Assert.Equal(expected.K, actual.K, 1e-5);
            Assert.Equal(expected.ResidualVariance, actual.ResidualVariance, 1e-4 * expected.ResidualVariance);
            Assert.Equal(expected.RSquared, actual.RSquared, 1e-3);
            Assert.Equal(expected.Bias[0], actual.Bias[0], 1e-5);
        }
    }

    [Theory]
    [InlineData(1.5f)]
    [InlineData(2.5f)]
    [InlineData(4f)]
    public void TheSamplersCorrectionsAreThoseOfThatMeasurement(float guidance)
    {
        for (int step = 0; step < Measured.Steps; step++)
        {
            NoiseFit fit = NoiseFit.Of(measured.Direct(step, guidance));
            var errors = new Dictionary<MeanCorrectionKind, double>();
            foreach (MeanCorrectionKind kind in Enum.GetValues<MeanCorrectionKind>())
            {
                var offset = new float[1];
                JointMoments joint = measured.Joint.Moments(step);
                GuidanceCorrection actual = GuidanceCorrection.Of(new(
                    [.. Enumerable.Range(0, 16).Select(i => (float)joint.Covariance(i / 4, i % 4))], [.. Enumerable.Range(0, 4).Select(i => (float)joint.Mean(0, i))],
                    0.5f, 1, clampK: false, kind, correctVariance: true), guidance, offset);
                MeanCorrection expected = MeanCorrection.Of(kind, fit, clampK: false);
                Assert.Equal(expected.Gain, actual.Gain, 1e-4);
                Assert.Equal(expected.Offset[0], offset[0], 1e-4);
                Assert.Equal(VarianceCorrection.Of(1, 0.25 * expected.RemainingVariance).CalibratedSigma, actual.Sigma, 1e-5);
                errors[kind] = measured.SquaredError(step, guidance, actual.Gain, offset[0]);
            }

            // The conditional mean is the affine map of least error, so no other may come out below it.
            Assert.True(errors[MeanCorrectionKind.Mmse] < errors[MeanCorrectionKind.Off]);
            Assert.True(errors[MeanCorrectionKind.Mmse] < errors[MeanCorrectionKind.Divide]);
        }
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void WeightsAreRoundedForTheHalvesThatTheCompiledGuidanceEvaluates(double guidance, bool conditionalAlone)
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);
        CalibrationOptions guided = new() { Steps = 1, Trajectories = 2, Guidance = guidance, GuidanceMaximum = 3 }, unguided = new() { Steps = 1, Trajectories = 2 };
        const string Layer = "mid_block.resnets.0.conv1";
        Assert.Equal(conditionalAlone, Collect(guided).Covariance().SequenceEqual(Collect(unguided).Covariance()));

        InputMoments Collect(CalibrationOptions options)
        {
            using var device = new CpuDevice(2);
            using var reference = new ReferenceTrajectories(model, Calibrator.Solver(model, options).Program, options, device);
            ActivationCollector activations = New(), scales = New();
            // The same scale, whatever the halves hold.
            foreach (TrajectoryState _ in reference.Run(0, (step, first, half, operation, maps) =>
            {
                if (!half) scales.See(step, first, half, operation, maps);
            })) { }
            activations.TakeScales(scales.Spreads);
            foreach (TrajectoryState _ in reference.Run(0, activations.Observe)) { }
            return Assert.Single(activations.Moments(Layer)!.Blocks);

            ActivationCollector New() => new(model.Network, QuantizedNetwork.Of(model.Network, 4, []), options, 2);
        }
    }

    /// <summary>Predictions of both networks for labels and for none, on FP32 states.</summary>
    public sealed class Measured
    {
        public const int Steps = 3;
        private const int Elements = 28 * 28;

        private readonly List<(float[] U, float[] C, float[] QuantizedU, float[] QuantizedC)> _steps = [];

        public Measured()
        {
            ImportedModel model = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);
            var options = new CalibrationOptions { Steps = Steps, Trajectories = 4, Guidance = 2, GuidanceMaximum = 4, Rounding = RoundingChoice.Nearest };
            SolverProgram program = Calibrator.Solver(model, options).Program;
            using var device = new CpuDevice(2);
            using var reference = new ReferenceTrajectories(model, program, options, device);
            QuantizedNetwork network = QuantizedNetwork.Of(model.Network, 4, []);
            var activations = new ActivationCollector(model.Network, network, options, 2);
            foreach (TrajectoryState _ in reference.Run(0, activations.Observe)) { }
            Quantization[][] quantizations = [.. Enumerable.Range(0, Steps).Select(step => CalibrationRun.Quantizations(
                [.. network.Sources.Select((source, slot) => ActivationSearch.Minimize(activations.Histogram(step, source), network.Widened[slot] ? 255 : 15))]))];
            var tensors = QuantizedTensors.Nearest(model, [.. program.Evaluations.Select(e => e.Timestep.Single)], network.Network, 2);
            using var quantized = new NetworkEvaluator(network.Network, Steps, tensors.Bytes, device, ReferenceTrajectories.UnitImages);
            Joint = new(quantizations, model, options);
            foreach (TrajectoryState state in reference.Run(0))
            {
                Joint.Add(state, quantized, model.NullLabel, default);
                float[][] both = [.. ((int[][])[Array.ConvertAll(state.Labels, _ => model.NullLabel), state.Labels]).Select(labels =>
                {
                    var epsilon = new float[state.X.Length];
                    quantized.Evaluate(state.Step, new() { Quantizations = quantizations[state.Step] }, state.X, labels, epsilon);
                    return epsilon;
                })];
                _steps.Add(([.. state.Unconditional], [.. state.Conditional], both[0], both[1]));
            }
        }

        internal NoiseCollector Joint { get; }

        internal JointMoments Direct(int step, float guidance)
        {
            var (reference, quantized) = At(step, guidance);
            var moments = new JointMoments(1, 2);
            for (int i = 0; i < reference.Length; i += Elements) moments.Merge(JointMoments.Of(reference.AsSpan(i, Elements), quantized.AsSpan(i, Elements), 1));
            return moments;
        }

        public double SquaredError(int step, float guidance, float gain, float offset)
        {
            var (reference, quantized) = At(step, guidance);
            return reference.Zip(quantized, (e, q) => Math.Pow(gain * (double)q + offset - e, 2)).Sum();
        }

        private (float[] Reference, float[] Quantized) At(int step, float guidance)
        {
            var (u, c, qu, qc) = _steps[step];
            return (Guide(u, c), Guide(qu, qc));

            float[] Guide(float[] none, float[] label) => [.. label.Zip(none, (x, y) => MathF.FusedMultiplyAdd(guidance, x, (1 - guidance) * y))];
        }
    }
}
