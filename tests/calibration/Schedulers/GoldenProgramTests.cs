using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Every run recorded from diffusers 0.30.3, its state fed at every evaluation, its predictions for m and so for all that is made of them.</summary>
public class GoldenProgramTests
{
    private const int Pictures = 2;
    private const double Tolerance = 1e-6;

    /// <summary>Where more is allowed, because digits cancel in the library's single precision and not in the program's coefficients.</summary>
    private static readonly Dictionary<string, double> LibraryRounding = new()
    {
        // b = 1 − ᾱ/ᾱ′ of a schedule of 50 steps.
        ["c021"] = 2e-5,
        // (x − x₀)/ρ at ρ = 0.01, x₀ = x − ρ·m.
        ["m011"] = 1.5e-6,
        // ρ↓² = ρ′² − ρ↑² where ρ is 17 times ρ′.
        ["m031"] = 5e-6,
        // The same where it is 226 times ρ′.
        ["m035"] = 1e-5,
    };

    /// <summary>DDPM with linspace or trailing spacing: in 0.30.3 a step led to t − ⌊T/n⌋, since 0.31.0, and here, to the next listed timestep. DDIM still goes where they went, and with η = 1 and the noise
    /// of the bounded original its step is the same: √(1−ᾱ′−σ²)/√(1−ᾱ) is √a·(1−ᾱ′)/(1−ᾱ). <see cref="SameBitsTests"/> has a case of the new steps.</summary>
    private static readonly string[] RunAsDdim = ["c012", "c014", "c015"];

    public static IEnumerable<object[]> Ids => GoldenCase.All.Select(c => new object[] { c.Id });

    [SharedFact("golden/" + GoldenCase.First, "golden/" + GoldenCase.Further)]
    public void AllCasesAreHere() => Assert.Equal(78 + 63, GoldenCase.All.Count);

    [SharedTheory("golden/" + GoldenCase.First, "golden/" + GoldenCase.Further)]
    [MemberData(nameof(Ids))]
    public void EveryStepAgrees(string id)
    {
        GoldenCase golden = GoldenCase.All.Single(c => c.Id == id);
        SolverProgram program = RunAsDdim.Contains(id) ? golden.Program("DDIMScheduler", new(Eta: 1, UseClippedOutput: true)) : golden.Program();
        using SafetensorsFile file = golden.Open();
        float[] outputs = file.ReadFloats($"{id}.model_output"), inputs = file.ReadFloats($"{id}.model_input"), states = file.ReadFloats($"{id}.x");
        float[] noise = file.Entries.ContainsKey($"{id}.noise") ? file.ReadFloats($"{id}.noise") : [];
        int evaluations = program.Evaluations.Count, size = states.Length / evaluations, outputSize = outputs.Length / evaluations;
        CheckTimesteps(file, id, program);

        var begin = Assert.IsType<LinearStatement>(program.Begin[^1]);
        Assert.Equal(golden.InitialSigma, begin.Terms[0].Coefficient, golden.InitialSigma * Tolerance);

        var interpreter = new ProgramInterpreter(program, Pictures, size / Pictures, (to, picture, draw) =>
        {
            int at = draw < 0 ? 0 : golden.NoiseAt is { } drawn ? Array.IndexOf(drawn, draw) : draw;
            Assert.True(at >= 0, $"evaluation {draw} draws noise, but diffusers did not");
            if (draw >= 0) noise.AsSpan(at * size + picture * to.Length, to.Length).CopyTo(to);
        });
        double tolerance = LibraryRounding.GetValueOrDefault(id, Tolerance);
        float[] read = new float[size];
        for (int i = 0; i < evaluations; i++)
        {
            Start(file, id, program, inputs, states, i, size).CopyTo(interpreter.State);
            interpreter.Input(i, read);
            Compare(inputs.AsSpan(i * size, size), read, $"input of evaluation {i}", tolerance);
            var (prediction, variance) = Split(outputs.AsSpan(i * outputSize, outputSize), size);
            interpreter.Advance(i, prediction, variance);
            Compare(states.AsSpan(i * size, size), interpreter.State, $"evaluation {i}", tolerance);
        }
    }

    private static void CheckTimesteps(SafetensorsFile file, string id, SolverProgram program)
    {
        float[] expected = file.Entries[$"{id}.timesteps"].Type == DType.I64
            ? [.. file.ReadIntegers($"{id}.timesteps").Select(t => (float)t)]
            : file.ReadFloats($"{id}.timesteps");
        Assert.Equal(expected.Length, program.Evaluations.Count);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], program.Evaluations[i].Timestep, 1e-3);
    }

    /// <summary>The state before an evaluation: the one after the last, or the first.</summary>
    private static float[] Start(SafetensorsFile file, string id, SolverProgram program, float[] inputs, float[] states, int evaluation, int size) =>
        evaluation > 0 ? states[((evaluation - 1) * size)..(evaluation * size)]
        : file.Entries.ContainsKey($"{id}.xT") ? file.ReadFloats($"{id}.xT")
        : Array.ConvertAll(inputs[..size], x => (float)(x / program.Evaluations[0].InputScale));

    /// <summary>With learned variances each picture's prediction stands before them.</summary>
    private static (float[] Prediction, float[] Variance) Split(ReadOnlySpan<float> output, int size)
    {
        if (output.Length == size) return (output.ToArray(), []);
        float[] prediction = new float[size], variance = new float[size];
        int picture = size / Pictures;
        for (int p = 0; p < Pictures; p++)
        {
            output.Slice(2 * p * picture, picture).CopyTo(prediction.AsSpan(p * picture));
            output.Slice((2 * p + 1) * picture, picture).CopyTo(variance.AsSpan(p * picture));
        }

        return (prediction, variance);
    }

    private static void Compare(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what, double tolerance)
    {
        double largest = 0, worst = 0;
        foreach (float value in expected) largest = Math.Max(largest, Math.Abs(value));
        for (int i = 0; i < expected.Length; i++) worst = Math.Max(worst, Math.Abs((double)actual[i] - expected[i]));
        Assert.True(worst <= tolerance * largest, $"{what}: {worst / largest:g3} of the largest value");
    }
}
