using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>Which corrections are chosen, for images whose error under each plan is known.</summary>
public class EvidenceTests(EvidenceTests.HeldOut fixture) : IClassFixture<EvidenceTests.HeldOut>
{
    private static readonly CorrectionPlan Off = new(MeanCorrectionKind.Off, true, false), Clamped = Off with { Mean = MeanCorrectionKind.Divide }, Signed = Clamped with { ClampK = false },
        Mmse = Off with { Mean = MeanCorrectionKind.Mmse };

    private static readonly CalibrationOptions Auto = new() { Steps = 2, Trajectories = 4, VarianceCorrection = VarianceCorrectionChoice.Off };

    private readonly List<Finding> _findings = [];

    [Fact]
    public void The_best_of_those_that_help_beyond_their_interval_is_chosen()
    {
        Assert.Equal(Signed, Choose(plan => _ => plan == Off ? 0.1f : plan == Signed ? 0.05f : 0.07f));
        // −6.02 dB: half the error, on the half of the images that chooses and on the other.
        MeanCorrectionTried tried = _findings.OfType<MeanCorrectionTried>().Single(f => f is { Mean: MeanCorrectionKind.Divide, ClampK: false });
        MeanCorrectionDecided decided = Assert.Single(_findings.OfType<MeanCorrectionDecided>());
        Assert.Equal((8, 8, MeanCorrectionKind.Divide, false, true), (tried.Images, decided.Images, decided.Mean, decided.ClampK, decided.Applied));
        Assert.All(new[] { tried.ErrorChangeDb, decided.ErrorChangeDb!.Value }, i => Assert.Equal(-6.02, i.Value, 0.005));
        Assert.Equal(Mmse, Choose(plan => _ => plan == Mmse ? 0.09f : 0.1f));
    }

    [Fact]
    public void What_helps_some_images_and_harms_others_is_not_chosen()
    {
        // −0.97 dB on average, but within an interval that holds 0.
        Assert.Equal(Off, Choose(plan => image => plan == Off ? 0.1f : image % 2 == 0 ? 0.04f : 0.2f));
        Assert.Equal(Off, Choose(_ => _ => 0.1f));
        Assert.All(_findings.OfType<MeanCorrectionDecided>(), f => Assert.False(f.Applied));
    }

    [Fact]
    public void The_best_of_several_must_hold_on_images_that_did_not_choose_it()
    {
        // Only the half that chooses gains: as luck among three corrections has it.
        Assert.Equal(Off, Choose(plan => image => plan != Signed ? 0.1f : image < 8 ? 0.05f : 0.1f));
        MeanCorrectionDecided decided = Assert.Single(_findings.OfType<MeanCorrectionDecided>());
        Assert.Equal((MeanCorrectionKind.Divide, false, false), (decided.Mean, decided.ClampK, decided.Applied));
        Assert.Equal(0, decided.ErrorChangeDb!.Value.Value, 1e-6);
    }

    [Theory]
    [InlineData(1, 16)]
    [InlineData(40, 40)]
    [InlineData(256, 64)]
    [InlineData(1024, 256)]
    [InlineData(8192, 2048)]
    public void Held_out_images_grow_with_the_trajectories(int trajectories, int images) => Assert.Equal(images, HeldOutImages.Count(Auto with { Trajectories = trajectories }));

    [Fact]
    public void A_difference_of_two_images_is_no_evidence_for_the_variance()
    {
        // Two images of sixteen are a little nearer: a lower distance, which decided alone before.
        float[] without = fixture.With(_ => 0.1f), with = fixture.With(image => image < 2 ? 0.09f : 0.1f);
        var (near, far, change) = fixture.Images.Frechet(with, without);
        Assert.True(near < far && change.High >= 0, $"{near} < {far}, {change}");
        (_, _, change) = fixture.Images.Frechet(fixture.With(_ => 0.05f), without);
        Assert.True(change.High < 0, $"{change}");
    }

    [Fact]
    public void A_choice_of_the_users_is_not_measured()
    {
        CorrectionPlan plan = new Evidence(_ => [], _ => throw new InvalidOperationException(), () => throw new InvalidOperationException(), _ => throw new InvalidOperationException(), _findings)
            .Choose(Auto with { MeanCorrection = MeanCorrectionChoice.Mmse });
        Assert.Equal(Mmse, plan);
    }

    [Theory]
    [InlineData(1, 0.05f, true)]
    [InlineData(1, 0.2f, false)] // The images are farther from FP32's.
    [InlineData(2, 0.05f, false)] // The steps' variance is.
    public void The_variance_must_pass_twice(double overstated, float error, bool applied)
    {
        const double lambda = 0.4, noise = 0.5, sigma = 0.7;
        var random = new Gaussian(4);
        float[] epsilon = random.Values(20_000);
        StepDecision[] steps = [.. ((double[])[sigma, 0]).Select(s => new StepDecision(
            new(0f, 1, new([new LinearStatement(Register.State, new([new(Register.State, 1), new(Register.Prediction, lambda), new(Register.Noise, s)]))])), 8, [], JointMoments.Of(epsilon, [.. epsilon.Select(e => e + (float)(noise * random.Next()))], 2), overstated * lambda))];
        CorrectionPlan plan = new Evidence(_ => steps, p => fixture.With(_ => p.Variance ? error : 0.1f), () => fixture.Images, p =>
        {
            var variance = new StepVariance(steps, p, false, 2);
            for (int image = 0; image < 30; image++)
            {
                float[] reference = random.Values(2000);
                variance.Add(0, JointMoments.Of(reference, [.. reference.Select(e => e + (float)(lambda * noise * random.Next()))], 2));
            }

            return variance;
        }, _findings).Choose(Auto with { MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Auto });
        Assert.Equal(Off with { Variance = applied }, plan);
    }

    private CorrectionPlan Choose(Func<CorrectionPlan, Func<int, float>> error) =>
        new Evidence(_ => [], plan => fixture.With(error(plan)), () => fixture.Images, _ => throw new InvalidOperationException(), _findings).Choose(Auto);

    /// <summary>FP32's images, and the same with an error of known size.</summary>
    public sealed class HeldOut
    {
        private readonly float[] _float32;

        public HeldOut()
        {
            ImportedModel model = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);
            using var device = new CpuDevice(2);
            Images = new(model, Calibrator.Solver(model, Auto).Program, Auto, device, null, default);
            int count = HeldOutImages.Count(Auto);
            using var sampler = InterpretedSampler.Float32(model, Auto.Steps, Auto.Eta, device: device);
            using SamplerSession session = sampler.CreateSession();
            _float32 = session.Sample(new() { Count = count, Seed = Auto.Seed, FirstImage = Auto.Trajectories, Labels = TrajectoryLabels.Of(model, Auto.Seed, Auto.Trajectories, count) }).Pixels.ToArray();
        }

        internal HeldOutImages Images { get; }

        /// <summary>FP32's images with each pixel that much brighter.</summary>
        public float[] With(Func<int, float> error) => [.. _float32.Select((x, i) => x + error(i / (28 * 28)))];
    }
}
