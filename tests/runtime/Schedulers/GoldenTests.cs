using System.Text.Json;
using Specializer.Formats;
using Specializer.Schedulers;
using Specializer.Tests;

namespace Specializer.Runtime.Tests.Schedulers;

/// <summary>Every DDPM and DDIM case recorded from diffusers v0.30.3, fed the recorded state at every step. Left out are three of DDPM whose spacing is not even:
/// since v0.31.0 a step ends at the next listed timestep there, for which <see cref="SchedulerTests"/> has the closed form.</summary>
public class GoldenTests
{
    private const string Folder = "golden/schedulers";
    private const int Images = 2;

    private static readonly string[] Superseded = ["c012", "c014", "c015"];

    private static readonly Lazy<Dictionary<string, Case>> AllCases = new(ReadCases);

    private sealed record Case(string ClassName, string Config, int Steps, double Eta, bool UseClipped);

    public static IEnumerable<object[]> Ids => AllCases.Value.Keys.Except(Superseded).Select(id => new object[] { id });

    [SharedFact(Folder)]
    public void AllCasesAreHere()
    {
        Assert.Equal(44, AllCases.Value.Count);
        Assert.All(Superseded, id => Assert.Equal(SchedulerConfiguration.Ddpm, AllCases.Value[id].ClassName));
    }

    [SharedTheory(Folder)]
    [MemberData(nameof(Ids))]
    public void StepAgrees(string id) => Compare(id, (scheduler, x, m, noise, i) =>
        scheduler.Step(x, m, scheduler.Steps[i].Sigma > 0 || scheduler.LearnedVariance ? noise : [], i, Images));

    [SharedTheory(Folder)]
    [MemberData(nameof(Ids))]
    public void TheCompiledFormAgrees(string id)
    {
        var scheduler = Build(AllCases.Value[id]);
        if (!scheduler.SupportsLinearForm)
        {
            Assert.True(scheduler.Configuration.Thresholding || scheduler.LearnedVariance);
            Assert.Throws<NotSupportedException>(() => scheduler.Coefficients(0));
            return;
        }
        Compare(id, (s, x, m, noise, i) =>
        {
            var c = s.Coefficients(i);
            var sigma = (float)s.Steps[i].Sigma;
            return [.. x.Select((_, j) =>
            {
                var original = Math.Clamp(c.X0FromSample * x[j] + c.X0FromModel * m[j], -c.Clip, c.Clip);
                return c.FromX0 * original + c.FromSample * x[j] + c.FromModel * m[j] + (sigma == 0 ? 0 : sigma * noise[j]);
            })];
        });
    }

    private static void Compare(string id, Func<Scheduler, float[], float[], float[], int, float[]> step)
    {
        var scheduler = Build(AllCases.Value[id]);
        using var golden = OpenGolden();
        Assert.Equal(golden.ReadIntegers($"{id}.timesteps"), scheduler.Steps.Select(s => (long)s.Timestep));

        var (inputs, outputs, states) = (golden.ReadFloats($"{id}.model_input"), golden.ReadFloats($"{id}.model_output"), golden.ReadFloats($"{id}.x"));
        var noise = golden.Entries.ContainsKey($"{id}.noise") ? golden.ReadFloats($"{id}.noise") : [];
        var (size, outputSize) = (states.Length / scheduler.Steps.Count, outputs.Length / scheduler.Steps.Count);
        for (var i = 0; i < scheduler.Steps.Count; i++)
        {
            var x = inputs[(i * size)..((i + 1) * size)];
            var expected = states[(i * size)..((i + 1) * size)];
            var actual = step(scheduler, x, outputs[(i * outputSize)..((i + 1) * outputSize)], noise.Length == 0 ? noise : noise[(i * size)..((i + 1) * size)], i);
            var tolerance = 3e-5 * expected.Max(MathF.Abs);
            for (var j = 0; j < size; j++)
                Assert.True(Math.Abs(actual[j] - expected[j]) <= tolerance, $"step {i}, element {j}: {actual[j]} instead of {expected[j]}, allowed {tolerance}");
        }
    }

    private static Scheduler Build(Case c)
    {
        var configuration = SchedulerConfiguration.Parse(c.Config, c.ClassName);
        return c.UseClipped
            ? new DdimScheduler(configuration, c.Steps, c.Eta, useClippedModelOutput: true)
            : Scheduler.Create(configuration, c.Steps, c.ClassName == SchedulerConfiguration.Ddpm ? 1 : c.Eta);
    }

    private static SafetensorsFile OpenGolden() => SafetensorsFile.Open(Path.Combine(SharedData.Golden("schedulers"), "golden.safetensors"));

    private static Dictionary<string, Case> ReadCases()
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(SharedData.Golden("schedulers"), "cases.json")));
        return json.RootElement.EnumerateArray()
            .Where(c => c.GetProperty("class").GetString() is SchedulerConfiguration.Ddpm or SchedulerConfiguration.Ddim)
            .ToDictionary(c => c.GetProperty("id").GetString()!, c =>
            {
                var arguments = c.GetProperty("step_args");
                return new Case(c.GetProperty("class").GetString()!, c.GetProperty("config").GetRawText(), c.GetProperty("steps").GetInt32(),
                    arguments.TryGetProperty("eta", out var eta) ? eta.GetDouble() : 0, arguments.TryGetProperty("use_clipped_model_output", out _));
            });
    }
}
