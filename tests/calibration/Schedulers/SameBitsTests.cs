using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>DDPM and DDIM keep their bits from version to version.</summary>
public class SameBitsTests
{
    private const int Elements = 500;
    private const ulong Seed = 11;

    [Theory]
    [InlineData("DDPMScheduler", "{}", 1, 10, "CF52630E9ADDDE44")]
    [InlineData("DDPMScheduler", """{"variance_type": "fixed_large", "clip_sample": false, "prediction_type": "v_prediction"}""", 1, 7, "BBB119974AE5E49B")]
    [InlineData("DDPMScheduler", """{"beta_schedule": "squaredcos_cap_v2", "prediction_type": "sample", "timestep_spacing": "trailing", "clip_sample_range": 2}""", 1, 20, "C06DD03DBD8676C8")]
    [InlineData("DDIMScheduler", "{}", 0, 10, "F901D2897D1486C9")]
    [InlineData("DDIMScheduler", """{"beta_schedule": "scaled_linear", "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1}""", 0.5, 20, "573981413CCB1835")]
    [InlineData("DDIMScheduler", """{"prediction_type": "v_prediction", "timestep_spacing": "linspace"}""", 1, 12, "849E102EB304D162")]
    [InlineData("DDIMScheduler", """{"prediction_type": "sample"}""", 1, 50, "2A762C46C808E859")]
    public void AProgramKeepsItsBits(string className, string json, double eta, int steps, string digest)
    {
        SolverProgram program = SchedulerFile.Program(className, json, steps, new(eta));
        var interpreter = new ProgramInterpreter(program, 1, Elements, ProgramInterpreter.Seeded(Seed));
        interpreter.Begin();
        var random = new Random(5);
        for (int i = 0; i < steps; i++) interpreter.Advance(i, [.. Enumerable.Range(0, Elements).Select(_ => (float)(4 * random.NextDouble() - 2))]);
        Assert.Equal(digest, Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(interpreter.State)))[..16]);
    }
}
