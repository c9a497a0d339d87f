using System.Text.Json;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>A run of a scheduler, recorded from diffusers 0.30.3.</summary>
internal sealed class GoldenCase
{
    public const string First = "schedulers", Further = "schedulers-more";

    private static readonly Lazy<IReadOnlyList<GoldenCase>> Read = new(() => [.. ReadFolder(First), .. ReadFolder(Further)]);

    private readonly string _folder;
    private readonly JsonElement _json;

    private GoldenCase(string folder, JsonElement json) => (_folder, _json) = (folder, json);

    public static IReadOnlyList<GoldenCase> All => SharedData.Missing([$"golden/{First}", $"golden/{Further}"]) is null ? Read.Value : [];

    public string Id => _json.GetProperty("id").GetString()!;

    public string ClassName => _json.GetProperty("class").GetString()!;

    public double InitialSigma => _json.GetProperty("init_noise_sigma").GetDouble();

    /// <summary>Evaluations that drew noise, in order; null where all did.</summary>
    public int[]? NoiseAt => _json.TryGetProperty("noise_at", out JsonElement at) ? [.. at.EnumerateArray().Select(e => e.GetInt32())] : null;

    public SolverProgram Program()
    {
        JsonElement arguments = _json.GetProperty("step_args");
        return Program(ClassName, new(
            arguments.TryGetProperty("eta", out JsonElement eta) ? eta.GetDouble() : null, arguments.TryGetProperty("use_clipped_model_output", out _)));
    }

    /// <summary>The same with another class and arguments.</summary>
    public SolverProgram Program(string className, SolverArguments arguments) =>
        SchedulerFile.Program(className, _json.GetProperty("config").GetRawText(), _json.GetProperty("steps").GetInt32(), arguments);

    public SafetensorsFile Open() => SafetensorsFile.Open(Path.Combine(SharedData.Golden(_folder), "golden.safetensors"));

    private static IEnumerable<GoldenCase> ReadFolder(string folder)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(SharedData.Golden(folder), "cases.json")));
        return [.. json.RootElement.Clone().EnumerateArray().Select(c => new GoldenCase(folder, c))];
    }
}
