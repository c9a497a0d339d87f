using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>On Gaussian data, whose trajectories are known in closed form, every solver converges with its order.</summary>
public class ConvergenceTests
{
    /// <summary>How the levels of a run lie.</summary>
    public enum Levels
    {
        /// <summary>Karras's, over the trained range; the state is αx₀ + σε.</summary>
        Karras,
        /// <summary>Karras's; the state is x₀ + ρε.</summary>
        KarrasUnscaled,
        /// <summary>Even timesteps, which are not even in λ near 0: the state is compared at a fifth of them; αx₀ + σε.</summary>
        Even,
        /// <summary>The same for x₀ + ρε.</summary>
        EvenUnscaled,
        /// <summary>Of Karras et al. 2022, with their preconditioning.</summary>
        Edm,
    }

    /// <summary>A multistep solver's first steps are of lower order, which does not show here. DPM-Solver's third order over former steps has half of the second derivative in the reference, and the second order of
    /// convergence; it is closer than the second (<see cref="ASolverOfHigherOrderIsCloser"/>). PNDM's transfer is of the second, whatever the polynomial's.</summary>
    [Theory]
    [InlineData("DDIMScheduler", "\"clip_sample\": false", 1, 50, Levels.Even)]
    [InlineData("EulerDiscreteScheduler", "", 1, 40, Levels.KarrasUnscaled)]
    [InlineData("HeunDiscreteScheduler", "", 2, 40, Levels.KarrasUnscaled)]
    [InlineData("KDPM2DiscreteScheduler", "", 2, 40, Levels.KarrasUnscaled)]
    [InlineData("LMSDiscreteScheduler", "", 4, 60, Levels.KarrasUnscaled)]
    [InlineData("DPMSolverMultistepScheduler", "\"solver_order\": 1", 1, 40, Levels.Karras)]
    [InlineData("DPMSolverMultistepScheduler", "\"solver_order\": 2", 2, 40, Levels.Karras)]
    [InlineData("DPMSolverMultistepScheduler", "\"solver_order\": 2, \"solver_type\": \"heun\"", 2, 40, Levels.Karras)]
    [InlineData("DPMSolverMultistepScheduler", "\"solver_order\": 3", 2, 40, Levels.Karras)]
    [InlineData("DPMSolverMultistepScheduler", "\"algorithm_type\": \"dpmsolver\", \"final_sigmas_type\": \"sigma_min\", \"solver_order\": 2", 2, 40, Levels.Karras)]
    [InlineData("DPMSolverMultistepScheduler", "\"algorithm_type\": \"dpmsolver\", \"final_sigmas_type\": \"sigma_min\", \"euler_at_final\": true, \"solver_order\": 3", 2, 40, Levels.Karras)]
    [InlineData("DEISMultistepScheduler", "\"solver_order\": 1", 1, 40, Levels.Karras)]
    [InlineData("DEISMultistepScheduler", "\"solver_order\": 2", 2, 40, Levels.Karras)]
    [InlineData("DEISMultistepScheduler", "\"solver_order\": 3", 3, 40, Levels.Karras)]
    [InlineData("UniPCMultistepScheduler", "\"solver_order\": 2", 2, 40, Levels.Karras)]
    [InlineData("UniPCMultistepScheduler", "\"solver_order\": 1", 1, 40, Levels.Karras)]
    [InlineData("UniPCMultistepScheduler", "\"solver_order\": 3", 3, 60, Levels.Karras)]
    [InlineData("UniPCMultistepScheduler", "\"solver_order\": 3, \"solver_type\": \"bh1\"", 2, 40, Levels.Karras)]
    [InlineData("UniPCMultistepScheduler", "\"solver_order\": 2, \"predict_x0\": false, \"final_sigmas_type\": \"sigma_min\"", 2, 40, Levels.Karras)]
    [InlineData("PNDMScheduler", "\"skip_prk_steps\": true", 2, 50, Levels.Even)]
    [InlineData("PNDMScheduler", "\"skip_prk_steps\": false", 2, 50, Levels.Even)]
    [InlineData("EDMEulerScheduler", "", 1, 40, Levels.Edm)]
    [InlineData("EDMDPMSolverMultistepScheduler", "", 2, 40, Levels.Edm)]
    public void ASolverConvergesWithItsOrder(string className, string settings, int order, int steps, Levels levels) =>
        AssertOrder(order, n => Read(className, settings, n, levels), steps, (run, last) => run.Error(last, run.Ratio(last)));

    /// <summary>Single-step solvers start each block anew, so that they reach their order in full; the state between two evaluations of a block is none.</summary>
    [Theory]
    [InlineData(1, "dpmsolver++", "heun")]
    [InlineData(2, "dpmsolver++", "heun")]
    [InlineData(3, "dpmsolver++", "heun")]
    [InlineData(2, "dpmsolver++", "midpoint")]
    [InlineData(3, "dpmsolver++", "midpoint")]
    [InlineData(1, "dpmsolver", "heun")]
    [InlineData(2, "dpmsolver", "heun")]
    [InlineData(3, "dpmsolver", "heun")]
    [InlineData(2, "dpmsolver", "midpoint")]
    [InlineData(3, "dpmsolver", "midpoint")]
    public void ASingleStepSolverReachesItsOrder(int order, string algorithm, string type)
    {
        string settings = $"\"solver_order\": {order}, \"algorithm_type\": \"{algorithm}\", \"solver_type\": \"{type}\", \"final_sigmas_type\": \"sigma_min\"";
        AssertOrder(order, n => Read("DPMSolverSinglestepScheduler", settings, n, Levels.Karras), 48, (run, last) => run.Error(last + 1, run.Ratio(last)));
    }

    [Fact]
    public void ASolverOfHigherOrderIsCloser()
    {
        double[] errors = [.. Enumerable.Range(1, 3).Select(order => Read("DPMSolverMultistepScheduler", $"\"solver_order\": {order}", 40, Levels.Karras))
            .Select(r => r.Run.Error(r.Last, r.Run.Ratio(r.Last)))];
        Assert.True(errors[0] > 3 * errors[1] && errors[1] > errors[2], string.Join(", ", errors));
    }

    /// <summary>With noise, the variance of the state converges to the marginal's.</summary>
    [Theory]
    [InlineData("DDPMScheduler", "\"clip_sample\": false", 50, Levels.Even)]
    [InlineData("EulerAncestralDiscreteScheduler", "", 40, Levels.EvenUnscaled)]
    [InlineData("KDPM2AncestralDiscreteScheduler", "", 40, Levels.KarrasUnscaled)]
    [InlineData("DPMSolverMultistepScheduler", "\"algorithm_type\": \"sde-dpmsolver++\", \"solver_order\": 1", 40, Levels.Karras)]
    [InlineData("DPMSolverMultistepScheduler", "\"algorithm_type\": \"sde-dpmsolver++\", \"solver_order\": 2", 40, Levels.Karras)]
    [InlineData("DPMSolverMultistepScheduler", "\"algorithm_type\": \"sde-dpmsolver++\", \"solver_order\": 3", 40, Levels.Karras)]
    [InlineData("DPMSolverMultistepScheduler", "\"algorithm_type\": \"sde-dpmsolver\", \"final_sigmas_type\": \"sigma_min\"", 40, Levels.Karras)]
    public void TheVarianceOfAnSdeConverges(string className, string settings, int steps, Levels levels) =>
        AssertOrder(1, n => Read(className, settings, n, levels), steps, (run, last) => run.VarianceError(last, run.Ratio(last)));

    /// <summary>The same of a single-step solver, whose states are those between blocks.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TheVarianceOfASingleStepSdeConverges(int order) => AssertOrder(1,
        n => Read("DPMSolverSinglestepScheduler", $"\"algorithm_type\": \"sde-dpmsolver++\", \"final_sigmas_type\": \"sigma_min\", \"solver_order\": {order}", n, Levels.Karras), 48, (run, last) => run.VarianceError(last + 1, run.Ratio(last)));

    /// <summary>DDIM with η injects noise at every step.</summary>
    [Theory]
    [InlineData(0.5)]
    [InlineData(1)]
    public void TheVarianceOfDdimConverges(double eta) => AssertOrder(1, n => Read("DDIMScheduler", "\"clip_sample\": false", n, Levels.Even, new(eta)), 50, (run, last) => run.VarianceError(last, run.Ratio(last)));

    /// <summary>TCD without noise is DDIM over the timesteps of the distillation.</summary>
    [Fact]
    public void TcdWithoutNoiseConverges() => AssertOrder(1, steps =>
    {
        SolverProgram program = SchedulerFile.Program("TCDScheduler", "{}", steps, new(Eta: 0));
        TrainingNoise noise = SchedulerFile.Read("{}", c => TrainingNoise.Read(c, 0.00085, 0.012, "scaled_linear"));
        // Before the evaluation at the timestep 199 both runs have come the same way.
        return (new GaussianRun(program, noise, [.. program.Evaluations.Select(e => noise.RatioAt(e.Timestep))]), steps - steps / 5);
    }, 25, (run, last) => run.Error(last, run.Ratio(last)));

    /// <summary>A run, and its last evaluation that counts: later steps of many solvers are of lower order, or lead to 0.</summary>
    private static (GaussianRun Run, int Last) Read(string className, string settings, int steps, Levels levels, SolverArguments? arguments = null)
    {
        string[] properties = levels == Levels.Edm ? [settings]
            : [settings, "\"beta_schedule\": \"scaled_linear\", \"beta_start\": 0.00085, \"beta_end\": 0.012", levels is Levels.Karras or Levels.KarrasUnscaled ? "\"use_karras_sigmas\": true" : ""];
        string json = $"{{{string.Join(", ", properties.Where(p => p.Length > 0))}}}";
        SolverProgram program = SchedulerFile.Program(className, json, levels == Levels.EvenUnscaled ? steps | 1 : steps, arguments);
        if (levels == Levels.Edm) return (new(program, null, null), program.Evaluations.Count - 1);
        TrainingNoise noise = SchedulerFile.Read(json, c => TrainingNoise.Read(c));
        double[]? ratios = levels switch
        {
            Levels.Karras => [.. SigmaPath.Karras(noise.Ratios[0], noise.Ratios[^1], steps, 7).Select(r => (double)(float)r)],
            Levels.Even => [.. program.Evaluations.Select(e => noise.RatioAt(e.Timestep))],
            _ => null,
        };
        int last = levels is Levels.Karras or Levels.KarrasUnscaled ? program.Evaluations.Count - 1
            : Array.FindIndex([.. program.Evaluations], e => Math.Abs(e.Timestep - noise.Timesteps / 5) < 1);
        return (new(program, noise, ratios), last);
    }

    private static void AssertOrder(int order, Func<int, (GaussianRun Run, int Last)> read, int steps, Func<GaussianRun, int, double> error)
    {
        double coarse = Of(steps), fine = Of(2 * steps), seen = Math.Log2(coarse / fine);
        Assert.True(seen > order - 0.3, $"The error falls from {coarse:g3} to {fine:g3} on half the step: order {seen:f2} instead of {order}.");

        double Of(int n)
        {
            var (run, last) = read(n);
            return error(run, last);
        }
    }
}
