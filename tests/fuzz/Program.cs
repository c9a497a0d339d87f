using System.Globalization;
using Specializer.Fuzz;

// TARGET [--minutes N | --seconds N] [--seed N]; the target "all" is every one in turn.
FuzzTarget[] targets = [new SafetensorsTarget(), new ManifestTarget(), new ConfigurationTarget(), new CheckpointTarget(), new BlobTarget(), new PngTarget()];
FuzzTarget[] chosen = [.. targets.Where(t => args is [var name, ..] && (name == "all" || name == t.Name))];
int seed = 1;
TimeSpan time = TimeSpan.FromSeconds(15);
bool understood = chosen.Length > 0 && args.Length % 2 == 1;
for (int i = 1; understood && i < args.Length; i += 2)
{
    understood = double.TryParse(args[i + 1], CultureInfo.InvariantCulture, out double number) && number is >= 0 and < 100_000;
    switch (args[i])
    {
        case "--minutes": time = TimeSpan.FromMinutes(number); break;
        case "--seconds": time = TimeSpan.FromSeconds(number); break;
        case "--seed": seed = (int)number; break;
        default: understood = false; break;
    }
}

if (!understood)
{
    Console.Error.WriteLine($"usage: TARGET [--minutes N | --seconds N] [--seed N]; TARGET is all, {string.Join(", ", targets.Select(t => t.Name))}");
    return 2;
}

int found = chosen.Sum(t => new Fuzzer(t, seed, Path.Combine("out", "fuzz")).Run(time));
foreach (FuzzTarget target in targets) target.Dispose();
return found == 0 ? 0 : 1;
