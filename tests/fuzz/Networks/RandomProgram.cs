using System.Text.Json.Nodes;
using Specializer.Generator.Tests;

namespace Specializer.Fuzz;

/// <summary>A solver that no scheduler is: sums of whatever is at hand, with what has been kept of former evaluations.</summary>
internal sealed class RandomProgram(Random random)
{
    private readonly List<string> _kept = ["x"];

    /// <summary>Replaces the statements of every step.</summary>
    public void WriteTo(JsonObject manifest)
    {
        JsonArray steps = manifest["steps"]!.AsArray();
        for (int i = 0; i < steps.Count; i++)
        {
            steps[i]!["inputScale"] = RandomNetwork.Number(random.Next(2) == 0 ? 1 : 0.5 + random.NextDouble());
            steps[i]!["statements"] = Step(i);
        }

        if (random.Next(3) == 0) manifest["solver"]!["end"] = new JsonArray(Clip("x", 3));
    }

    private JsonArray Step(int step)
    {
        var statements = new JsonArray { ManifestBuilder.Sum("d", [.. Kept(), ("m", Factor())]) };
        switch (random.Next(3))
        {
            case 0: statements.Add(Clip("d", 1 + random.NextDouble())); break;
            case 1:
                statements.Add(new JsonObject { ["op"] = "threshold", ["target"] = "d", ["quantile"] = RandomNetwork.Number(random.NextDouble()), ["maximum"] = RandomNetwork.Number(1 + random.NextDouble()) });
                break;
        }

        string? saved = random.Next(2) == 0 ? $"s{random.Next(3)}" : null, history = random.Next(2) == 0 ? $"h{random.Next(3)}" : null;
        if (saved is not null) statements.Add(ManifestBuilder.Sum(saved, ("x", 1)));
        bool noise = random.Next(2) == 0;
        if (noise) statements.Add(ManifestBuilder.Draw(step));
        statements.Add(ManifestBuilder.Sum("x", [.. Kept(), ("d", Factor()), .. noise ? new[] { ("z0", Factor()) } : []]));
        if (history is not null) statements.Add(ManifestBuilder.Sum(history, ("m", 1)));
        foreach (string register in new[] { saved, history }.OfType<string>().Where(r => !_kept.Contains(r))) _kept.Add(register);
        return statements;
    }

    private (string, double)[] Kept() => [.. _kept.Where(r => r == "x" || random.Next(2) == 0).Select(r => (r, Factor()))];

    // Never 0, which would leave an evaluation without effect.
    private double Factor() => (0.1 + 0.8 * random.NextDouble()) * (random.Next(2) == 0 ? 1 : -1);

    private static JsonObject Clip(string register, double bound) => new() { ["op"] = "clip", ["target"] = register, ["bound"] = RandomNetwork.Number(bound) };
}
