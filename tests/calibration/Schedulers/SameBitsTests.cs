using Specializer.Kernels;
using Specializer.Manifest;
using Specializer.Schedulers;

namespace Specializer.Calibration.Tests;

/// <summary>DDPM and DDIM as programs do what the compiled step has always done, to the bit.</summary>
public class SameBitsTests
{
    private const int Elements = 500;
    private const ulong Seed = 11;

    [Theory]
    [InlineData("DDPMScheduler", "{}", 1, 10)]
    [InlineData("DDPMScheduler", """{"variance_type": "fixed_large", "clip_sample": false, "prediction_type": "v_prediction"}""", 1, 7)]
    [InlineData("DDPMScheduler", """{"beta_schedule": "squaredcos_cap_v2", "prediction_type": "sample", "timestep_spacing": "trailing", "clip_sample_range": 2}""", 1, 20)]
    [InlineData("DDIMScheduler", "{}", 0, 10)]
    [InlineData("DDIMScheduler", """{"beta_schedule": "scaled_linear", "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1}""", 0.5, 20)]
    [InlineData("DDIMScheduler", """{"prediction_type": "v_prediction", "timestep_spacing": "linspace"}""", 1, 12)]
    [InlineData("DDIMScheduler", """{"prediction_type": "sample"}""", 1, 50)]
    public void TheProgramGivesTheBitsOfTheCompiledStep(string className, string json, double eta, int steps)
    {
        Scheduler scheduler = Scheduler.Create(SchedulerConfiguration.Parse(json, className), steps, eta);
        SolverProgram program = SchedulerFile.Program(className, json, steps, new(eta));
        var interpreter = new ProgramInterpreter(program, 1, Elements, ProgramInterpreter.Seeded(Seed));
        interpreter.Begin();
        float[] state = interpreter.State.ToArray(), noise = new float[Elements];
        var random = new Random(5);
        for (int i = 0; i < steps; i++)
        {
            Assert.Equal(scheduler.Steps[i].Timestep, program.Evaluations[i].Timestep);
            float[] prediction = [.. Enumerable.Range(0, Elements).Select(_ => (float)(4 * random.NextDouble() - 2))];
            float sigma = (float)scheduler.Steps[i].Sigma;
            ProgramInterpreter.Seeded(Seed)(noise, 0, i);
            SolverCoefficients coefficients = scheduler.Coefficients(i);
            for (int j = 0; j < Elements; j++) state[j] = SolverWork.Advance(coefficients, state[j], prediction[j], sigma, noise[j]);
            interpreter.Advance(i, prediction);
            Assert.Equal(Array.ConvertAll(state, BitConverter.SingleToInt32Bits), Array.ConvertAll(interpreter.State.ToArray(), BitConverter.SingleToInt32Bits));
        }
    }
}
