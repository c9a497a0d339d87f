using Specializer.Schedulers;

namespace Specializer.Runtime.Tests.Schedulers;

public class SchedulerTests
{
    private static readonly SchedulerConfiguration Ddpm = new() { ClassName = SchedulerConfiguration.Ddpm };
    private static readonly SchedulerConfiguration Ddim = new() { ClassName = SchedulerConfiguration.Ddim };

    [Fact]
    public void AbsentKeysTakeTheirDefaults()
    {
        var parsed = SchedulerConfiguration.Parse("""{"_class_name":"DDIMScheduler","_diffusers_version":"0.30.3","skip_prk_steps":true,"trained_betas":null}""");
        Assert.Equal(Ddim, parsed);
    }

    [Fact]
    public void EveryKeyIsRead()
    {
        var parsed = SchedulerConfiguration.Parse("""
            {"_class_name":"DDIMScheduler","num_train_timesteps":3,"beta_start":0.1,"beta_end":0.3,"beta_schedule":"sigmoid","trained_betas":[0.1,0.2,1],
             "variance_type":"learned_range","clip_sample":false,"clip_sample_range":2,"thresholding":true,"dynamic_thresholding_ratio":0.9,"sample_max_value":1.5,
             "prediction_type":"v_prediction","timestep_spacing":"trailing","steps_offset":1,"set_alpha_to_one":false,"rescale_betas_zero_snr":true}
            """, SchedulerConfiguration.Ddpm);
        Assert.Equal([0.1f, 0.2f, 1f], parsed.TrainedBetas!);
        Assert.Equal(Ddpm with
        {
            TrainTimesteps = 3,
            BetaStart = 0.1,
            BetaEnd = 0.3,
            BetaSchedule = BetaSchedule.Sigmoid,
            TrainedBetas = parsed.TrainedBetas,
            VarianceType = VarianceType.LearnedRange,
            ClipSample = false,
            ClipSampleRange = 2,
            Thresholding = true,
            DynamicThresholdingRatio = 0.9,
            SampleMaxValue = 1.5,
            PredictionType = PredictionType.VPrediction,
            TimestepSpacing = TimestepSpacing.Trailing,
            StepsOffset = 1,
            SetAlphaToOne = false,
            RescaleBetasZeroSnr = true,
        }, parsed);
    }

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("[]", "a JSON object")]
    [InlineData("{}", "_class_name")]
    [InlineData("""{"_class_name":1}""", "'_class_name' is 1, not a string")]
    [InlineData("""{"_class_name":"DDPMScheduler","_class_name":"DDPMScheduler"}""", "not valid JSON")]
    [InlineData("""{"_class_name":"DDPMScheduler","num_train_timesteps":0}""", "num_train_timesteps")]
    [InlineData("""{"_class_name":"DDPMScheduler","num_train_timesteps":1000001}""", "num_train_timesteps")]
    [InlineData("""{"_class_name":"DDPMScheduler","num_train_timesteps":1.5}""", "num_train_timesteps")]
    [InlineData("""{"_class_name":"DDPMScheduler","beta_start":-1}""", "beta_start")]
    [InlineData("""{"_class_name":"DDPMScheduler","beta_end":"x"}""", "beta_end")]
    [InlineData("""{"_class_name":"DDPMScheduler","clip_sample":1}""", "clip_sample")]
    [InlineData("""{"_class_name":"DDPMScheduler","clip_sample_range":0}""", "clip_sample_range")]
    [InlineData("""{"_class_name":"DDPMScheduler","trained_betas":[0.1]}""", "trained_betas")]
    [InlineData("""{"_class_name":"DDPMScheduler","num_train_timesteps":2,"trained_betas":[0.1,2]}""", "'trained_betas'[1]")]
    public void WrongConfigurationsAreRefused(string json, string cause) =>
        Assert.Contains(cause, Assert.Throws<FormatException>(() => SchedulerConfiguration.Parse(json)).Message);

    [Theory]
    [InlineData("""{"_class_name":"PNDMScheduler"}""", "PNDMScheduler")]
    [InlineData("""{"_class_name":"DDPMScheduler","variance_type":"fixed_large_log"}""", "fixed_large_log")]
    [InlineData("""{"_class_name":"DDPMScheduler","beta_schedule":"exotic"}""", "exotic")]
    [InlineData("""{"_class_name":"DDIMScheduler","beta_schedule":"sigmoid"}""", "sigmoid")]
    public void UnknownMethodsAreRefused(string json, string cause) =>
        Assert.Contains(cause, Assert.Throws<NotSupportedException>(() => SchedulerConfiguration.Parse(json)).Message);

    [Fact]
    public void SchedulesHaveTheirClosedForms()
    {
        var linear = NoiseSchedule.Create(Ddpm);
        Assert.Equal((1e-4f, 0.02f, 1000), (linear.Betas[0], linear.Betas[^1], linear.Betas.Length));
        Assert.Equal(1e-4 + 0.0199 * 250 / 999, linear.Betas[250], 1e-8);
        Assert.Equal(4.0358e-5, linear.AlphaBars[^1], 1e-8);

        var scaled = NoiseSchedule.Create(Ddpm with { BetaSchedule = BetaSchedule.ScaledLinear, BetaStart = 0.0004, BetaEnd = 0.04, TrainTimesteps = 3 });
        Assert.Equal(0.0121, scaled.Betas[1], 1e-8); // ((0.02 + 0.2)/2)²

        var cosine = NoiseSchedule.Create(Ddpm with { BetaSchedule = BetaSchedule.SquaredCosine, TrainTimesteps = 100 });
        Assert.Equal(Math.Pow(Math.Cos(0.508 / 1.008 * Math.PI / 2) / Math.Cos(0.008 / 1.008 * Math.PI / 2), 2), cosine.AlphaBars[49], 1e-6);
        Assert.Equal(0.999f, cosine.Betas[^1]);

        var sigmoid = NoiseSchedule.Create(Ddpm with { BetaSchedule = BetaSchedule.Sigmoid, BetaStart = 0.1, BetaEnd = 0.3, TrainTimesteps = 3 });
        Assert.Equal(0.2, sigmoid.Betas[1], 1e-7);
        Assert.Equal(0.1 + 0.2 / (1 + Math.Exp(6)), sigmoid.Betas[0], 1e-7);

        var rescaled = NoiseSchedule.Create(Ddpm with { RescaleBetasZeroSnr = true });
        Assert.Equal(0f, rescaled.AlphaBars[^1]);
        Assert.Equal(linear.AlphaBars[0], rescaled.AlphaBars[0], 1e-7);

        var trained = NoiseSchedule.Create(Ddpm with { TrainTimesteps = 2, TrainedBetas = [0.5f, 0.25f] });
        Assert.Equal([0.5f, 0.375f], trained.AlphaBars.ToArray());
        Assert.Throws<ArgumentException>(() => NoiseSchedule.Create(Ddpm with { TrainTimesteps = 3, TrainedBetas = [0.5f, 0.25f] }));
    }

    /// <summary>λ of docs/method: the size of the factor, for skipped steps.</summary>
    [Fact]
    public void LambdaIsThePublishedOne()
    {
        foreach (var s in new DdpmScheduler(Ddpm, 50).Steps)
        {
            var a = s.AlphaBar / s.AlphaBarPrevious;
            Assert.Equal(-(1 - a) / (Math.Sqrt(a) * Math.Sqrt(1 - s.AlphaBar)), s.Lambda, 1e-12);
        }
        foreach (var s in new DdimScheduler(Ddim, 20, 1).Steps)
        {
            var expected = Math.Sqrt(Math.Max(1 - s.AlphaBarPrevious - s.Sigma * s.Sigma, 0)) - Math.Sqrt(s.AlphaBarPrevious * (1 - s.AlphaBar) / s.AlphaBar);
            Assert.Equal(expected, s.Lambda, 1e-12);
        }
    }

    /// <summary>Where ⌊T/n⌋ is not the distance of the timesteps, DDPM goes from one listed timestep to the next (diffusers since v0.31.0), DDIM does not.</summary>
    [Theory]
    [InlineData(TimestepSpacing.Leading)]
    [InlineData(TimestepSpacing.Linspace)]
    [InlineData(TimestepSpacing.Trailing)]
    public void DdpmFollowsTheListedTimesteps(TimestepSpacing spacing)
    {
        var alphaBars = NoiseSchedule.Create(Ddpm).AlphaBars;
        var steps = new DdpmScheduler(Ddpm with { TimestepSpacing = spacing }, 7).Steps;
        for (var i = 0; i < steps.Count; i++)
        {
            Assert.Equal(i + 1 < steps.Count ? steps[i + 1].Timestep : -1, steps[i].PreviousTimestep);
            Assert.Equal(i + 1 < steps.Count ? alphaBars[steps[i + 1].Timestep] : 1, steps[i].AlphaBarPrevious);
            var a = steps[i].AlphaBar / steps[i].AlphaBarPrevious;
            Assert.Equal(Math.Sqrt((1 - steps[i].AlphaBarPrevious) / (1 - steps[i].AlphaBar) * (1 - a)), steps[i].Sigma, 1e-12);
        }

        Assert.All(new DdimScheduler(Ddim with { TimestepSpacing = spacing }, 7).Steps, s => Assert.Equal(s.Timestep - 142, s.PreviousTimestep));
    }

    /// <summary>DDIM at η = 1 is DDPM with the small variance, wherever nothing is clipped.</summary>
    [Fact]
    public void DdimAtOneIsDdpm()
    {
        var (ddpm, ddim) = (new DdpmScheduler(Ddpm with { ClipSample = false }, 40), new DdimScheduler(Ddim with { ClipSample = false }, 40, 1));
        float[] x = [0.3f, -2f, 1f], m = [0.1f, 0.7f, -1.2f], noise = [1f, 0.5f, -0.25f];
        for (var i = 0; i < 40; i++)
        {
            var (expected, actual) = (ddpm.Step(x, m, noise, i), ddim.Step(x, m, noise, i));
            for (var j = 0; j < 3; j++)
                Assert.Equal(expected[j], actual[j], 1e-5f);
        }
        Assert.Equal(0, ddpm.Steps[^1].Sigma);
        Assert.Equal(0, ddim.Steps[^1].Sigma);
        Assert.Equal(1, ddim.Steps[^1].AlphaBarPrevious);
    }

    [Fact]
    public void ImpossibleRunsAreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new DdpmScheduler(Ddpm, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DdpmScheduler(Ddpm, 1001));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DdpmScheduler(Ddpm with { StepsOffset = 1 }, 1000));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DdimScheduler(Ddim, 10, 1.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Scheduler.Create(Ddpm, 10, 0));
        var zeroSnr = Assert.Throws<ArgumentException>(() => new DdimScheduler(Ddim with { RescaleBetasZeroSnr = true, TimestepSpacing = TimestepSpacing.Trailing }, 10));
        Assert.Contains("timestep 999", zeroSnr.Message);
        var scheduler = new DdpmScheduler(Ddpm, 10);
        Assert.Throws<ArgumentException>(() => scheduler.Step(new float[4], new float[3], new float[4], 0));
        Assert.Throws<ArgumentException>(() => scheduler.Step(new float[4], new float[4], [], 0));
        Assert.Throws<ArgumentException>(() => scheduler.Step(new float[4], new float[4], new float[4], 0, images: 3));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(999)]
    [InlineData(1000)]
    public void ExtremeStepCountsWork(int steps)
    {
        foreach (var spacing in Enum.GetValues<TimestepSpacing>())
        {
            var scheduler = Scheduler.Create(Ddim with { TimestepSpacing = spacing }, steps, 0.5);
            Assert.All(scheduler.Steps, s => Assert.InRange(s.Timestep, 0, 999));
            Assert.All(scheduler.Steps.Zip(scheduler.Steps.Skip(1)), pair => Assert.True(pair.First.Timestep > pair.Second.Timestep));
        }
    }

    [Fact]
    public void ValuesFromAFileAreHarmlessInMessages()
    {
        string hostile = "\u202e" + new string('x', 1 << 20);
        foreach (string json in (string[])[$"{{\"_class_name\": \"{hostile}\"}}", $"{{\"_class_name\": \"DDPMScheduler\", \"beta_end\": \"{hostile}\"}}"])
        {
            Exception e = Assert.ThrowsAny<Exception>(() => SchedulerConfiguration.Parse(json));
            Assert.True(e is FormatException or NotSupportedException, e.ToString());
            Assert.DoesNotContain('\u202e', e.Message);
            Assert.InRange(e.Message.Length, 1, 1000);
        }
    }
}
