using System.Globalization;
using Specializer.Fuzz;

// TARGET [--minutes N | --seconds N | --count N] [--processes N] [--seed N] [--plain]; the target "all" is every one in turn.
// inject | differ [--against compiled | build | plain | onnx] [--from manifests | folders | imports] | kill | soak [--count N] [--seed N]
if (args is [KillRun.Child, var model, var folder]) return KillRun.Calibrate(model, folder);
// First: code that counts its branches must find the counters.
bool counts = Coverage.Current is not null;
FuzzTarget[] targets = [new SafetensorsTarget(), new ManifestTarget(), new ConfigurationTarget(), new TokenizerTarget(), new CheckpointTarget(), new BlobTarget(), new PngTarget(), new OnnxTarget()];
FuzzTarget[] chosen = [.. targets.Where(t => args is [var name, ..] && (name == "all" || name == t.Name))];
int seed = 1, processes = 1;
long? count = null;
TimeSpan? time = null;
string against = "compiled", from = "manifests";
bool plain = args.Contains("--plain"), child = args.Contains(FuzzProcesses.Child), understood = chosen.Length > 0 || args is ["inject" or "differ" or "kill" or "soak", ..];
string[] options = [.. args.Skip(1).Where(a => a is not ("--plain" or FuzzProcesses.Child))];
understood &= options.Length % 2 == 0;
for (int i = 0; understood && i < options.Length; i += 2)
{
    if (options[i] == "--against")
    {
        (against, understood) = (options[i + 1], args[0] == "differ" && options[i + 1] is "compiled" or "build" or "plain" or "onnx");
        continue;
    }

    if (options[i] == "--from")
    {
        (from, understood) = (options[i + 1], args[0] == "differ" && options[i + 1] is "manifests" or "folders" or "imports");
        continue;
    }

    understood = double.TryParse(options[i + 1], CultureInfo.InvariantCulture, out double number) && number is >= 0 and < 1e12;
    switch (options[i])
    {
        case "--minutes": time = TimeSpan.FromMinutes(number); break;
        case "--seconds": time = TimeSpan.FromSeconds(number); break;
        case "--count": count = (long)number; break;
        case "--seed": seed = (int)number; break;
        case "--processes": (processes, understood) = ((int)number, number is >= 1 and <= 1024 && chosen.Length > 0); break;
        default: understood = false; break;
    }
}

understood &= count is null || time is null;
string findings = Path.Combine("out", "fuzz");
try
{
    if (!understood)
    {
        Console.Error.WriteLine($"usage: TARGET [--minutes N | --seconds N | --count N] [--processes N] [--seed N] [--plain]; TARGET is all, {string.Join(", ", targets.Select(t => t.Name))}{Environment.NewLine}       inject | differ [--against compiled | build | plain | onnx] [--from manifests | folders | imports] | kill | soak [--count N] [--seed N]");
        return 2;
    }

    if (args[0] == "inject") return new InjectionRun(seed, findings).Run(count ?? 1000) == 0 ? 0 : 1;
    if (args[0] == "differ")
    {
        using IComparison comparison = against switch { "build" => new BuiltComparison(), "plain" => new PlainComparison(), "onnx" => new OnnxComparison(), _ => new CompiledComparison() };
        return new DifferentialRun(comparison, from == "manifests" ? RandomNetwork.Of : random => RandomFolder.Of(random, calibrated: from == "folders"), seed, findings).Run(count ?? 1000) == 0 ? 0 : 1;
    }

    if (args[0] == "kill") return KillRun.Run(count ?? 1000, seed) == 0 ? 0 : 1;
    if (args[0] == "soak") return SoakRun.Run(count ?? 1000) == 0 ? 0 : 1;
    if (!plain && !counts) return Coverage.RunAgain(args);
    if (processes > 1)
    {
        FuzzResult[]? results = await FuzzProcesses.Run(args[0], processes, seed, count, time, plain);
        foreach (FuzzResult result in results ?? []) Console.WriteLine(result);
        return results?.Sum(r => r.Findings) == 0 ? 0 : 1;
    }

    int found = 0;
    foreach (FuzzTarget target in chosen)
    {
        FuzzResult result = new Fuzzer(target, seed, findings).Run(time ?? (count is null ? TimeSpan.FromSeconds(15) : TimeSpan.MaxValue), count ?? long.MaxValue);
        Console.WriteLine(child ? result.ToLine() : result.ToString());
        found += result.Findings;
    }

    return found == 0 ? 0 : 1;
}
finally
{
    foreach (FuzzTarget target in targets) target.Dispose();
}
