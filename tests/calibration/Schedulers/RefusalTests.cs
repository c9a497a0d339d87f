namespace Specializer.Calibration.Tests;

/// <summary>What cannot be compiled is refused by name.</summary>
public class RefusalTests
{
    [Theory]
    [InlineData("ScoreSdeVpScheduler", "{}", "_class_name")]
    [InlineData("DDPMScheduler", """{"variance_type": "fixed_large_log"}""", "variance_type")]
    [InlineData("DDPMScheduler", """{"beta_schedule": "exp"}""", "beta_schedule")]
    [InlineData("EulerDiscreteScheduler", """{"beta_schedule": "sigmoid"}""", "beta_schedule")]
    [InlineData("EulerDiscreteScheduler", """{"use_beta_sigmas": true}""", "use_beta_sigmas")]
    [InlineData("EulerAncestralDiscreteScheduler", """{"prediction_type": "sample"}""", "prediction_type")]
    [InlineData("PNDMScheduler", """{"prediction_type": "sample"}""", "prediction_type")]
    [InlineData("DPMSolverMultistepScheduler", """{"algorithm_type": "dpmsolver"}""", "final_sigmas_type")]
    [InlineData("DPMSolverMultistepScheduler", """{"algorithm_type": "sde-dpmsolver", "solver_order": 3, "final_sigmas_type": "sigma_min"}""", "solver_order")]
    [InlineData("DPMSolverSinglestepScheduler", """{"algorithm_type": "sde-dpmsolver++", "solver_order": 3}""", "solver_order")]
    [InlineData("EDMDPMSolverMultistepScheduler", """{"algorithm_type": "dpmsolver"}""", "algorithm_type")]
    [InlineData("UniPCMultistepScheduler", """{"solver_p": {}}""", "solver_p")]
    public void UnsupportedSettingsAreNamed(string className, string json, string key)
    {
        var refused = Assert.Throws<UnsupportedModelException>(() => SchedulerFile.Program(className, json, 10));
        Assert.Equal(key, refused.Key);
    }

    [Theory]
    [InlineData("DDPMScheduler", """{"trained_betas": [0.1, 0.2]}""", "trained_betas")]
    [InlineData("DPMSolverMultistepScheduler", """{"use_karras_sigmas": true, "use_exponential_sigmas": true}""", "use_exponential_sigmas")]
    [InlineData("DPMSolverMultistepScheduler", """{"use_karras_sigmas": true, "use_lu_lambdas": true}""", "use_lu_lambdas")]
    [InlineData("EulerDiscreteScheduler", """{"timestep_spacing": "leading", "steps_offset": 500}""", "steps_offset")]
    [InlineData("UniPCMultistepScheduler", """{"solver_order": 4}""", "solver_order")]
    public void WrongSettingsAreNamed(string className, string json, string key)
    {
        var wrong = Assert.Throws<ModelImportException>(() => SchedulerFile.Program(className, json, 10));
        Assert.Equal(key, wrong.Key);
    }

    /// <summary>ε says nothing of x₀ where ᾱ = 0, and a second-order step cannot end at σ = 0.</summary>
    [Theory]
    [InlineData("DDIMScheduler", """{"rescale_betas_zero_snr": true, "timestep_spacing": "trailing"}""", "solver ddim cannot be run with these settings. Evaluation 0")]
    [InlineData("UniPCMultistepScheduler", """{"lower_order_final": false}""", "solver unipc cannot be run with these settings. Evaluation 9")]
    public void AnUndefinedStepIsRefused(string className, string json, string place)
    {
        var refused = Assert.Throws<ArgumentException>(() => SchedulerFile.Program(className, json, 10));
        Assert.Contains(place, refused.Message);
    }

    /// <summary>Several may have been asked for at once.</summary>
    [Fact]
    public void TheSolverWhoseStepHasNoLengthIsNamed()
    {
        var refused = Assert.Throws<ArgumentException>(() => SchedulerFile.Read("""{"final_sigmas_type": "sigma_min"}""",
            file => SchedulerPrograms.Run(file, SchedulerFamily.Find("edm-dpmsolver++", file)!, 10, eta: null)));
        Assert.Contains("solver edm-dpmsolver++ cannot be run", refused.Message);
    }

    [Theory]
    [InlineData("DDIMScheduler", 1.5)]
    [InlineData("EulerDiscreteScheduler", 0.5)]
    [InlineData("DDPMScheduler", 0.5)]
    public void AnEtaThatMeansNothingIsRefused(string className, double eta) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SchedulerFile.Program(className, "{}", 10, new(eta)));

    [Theory]
    [InlineData("DDPMScheduler", "{}", 1001)]
    [InlineData("EulerDiscreteScheduler", "{}", 0)]
    [InlineData("LCMScheduler", "{}", 51)]
    [InlineData("PNDMScheduler", "{}", 3)]
    public void StepsThatCannotBeTakenAreRefused(string className, string json, int steps) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SchedulerFile.Program(className, json, steps));
}
