using Specializer.Manifest;

namespace Specializer.Fuzz;

/// <summary>Random networks, compared with something; one that differs is made smaller as long as it still does.</summary>
/// <param name="comparison">With what.</param>
/// <param name="seed">Of the networks.</param>
/// <param name="findings">Folder for the smallest manifests that show a difference.</param>
internal sealed class DifferentialRun(IComparison comparison, int seed, string findings)
{
    private readonly Random _random = new(seed);
    private int _differ;

    /// <summary>Tries so many networks; returns how many differ.</summary>
    public int Run(long count)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var kinds = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (long done = 0; done < count; done += comparison.Batch)
        {
            RandomNetwork[] networks = [.. Enumerable.Range(0, (int)Math.Min(comparison.Batch, count - done)).Select(_ => RandomNetwork.Of(_random))];
            foreach (string kind in networks.SelectMany(n => ManifestReader.Read(n.Manifest()).Manifest?.Network.Operations.AsEnumerable() ?? []).Select(o => o.Kind)) kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
            foreach (var (network, fault) in networks.Zip(Faults(networks)))
                if (fault is not null) Report(network, fault);
        }

        Console.WriteLine(FormattableString.Invariant($"differ --against {comparison.Name}: seed {seed}, {count} networks in {watch.Elapsed.TotalSeconds:F0} s, {count / watch.Elapsed.TotalSeconds:F1} a second, {_differ} findings; {comparison.Remark}; operations: {string.Join(", ", kinds.Select(k => $"{k.Key} {k.Value}"))}"));
        return _differ;
    }

    private void Report(RandomNetwork network, string fault)
    {
        _differ++;
        for (bool smaller = true; smaller;)
        {
            RandomNetwork[] less = [.. network.Smaller()];
            string?[] faults = Faults(less);
            int first = Array.FindIndex(faults, f => f is not null);
            smaller = first >= 0;
            if (smaller) (network, fault) = (less[first], faults[first]!);
        }

        Directory.CreateDirectory(findings);
        string path = Path.Combine(findings, $"differ-{comparison.Name}-{seed}-{_differ}.calibration.json");
        File.WriteAllText(path, network.Manifest());
        Console.WriteLine($"differ: {fault}{Environment.NewLine}  seed {seed}, made smaller: {network.Blocks.Count} blocks, {network.Steps} steps, {network.Size}×{network.Size}×{network.Channels} in {path}");
    }

    /// <summary>What is wrong with each network; null where nothing is.</summary>
    private string?[] Faults(IReadOnlyList<RandomNetwork> networks)
    {
        var faults = new string?[networks.Count];
        var sound = new List<(int At, string Text, CalibrationManifest Manifest)>();
        for (int i = 0; i < networks.Count; i++)
        {
            string text = networks[i].Manifest();
            ManifestResult result = ManifestReader.Read(text);
            if (result.Manifest is { } manifest) sound.Add((i, text, manifest));
            else faults[i] = $"The manifest is refused: {result.Errors[0].Id} {result.Errors[0].Message}";
        }

        if (sound.Count == 0) return faults;
        try
        {
            foreach (var (network, fault) in sound.Zip(comparison.Faults([.. sound.Select(s => (s.Text, s.Manifest))]))) faults[network.At] = fault;
        }
        catch (Exception) when (sound.Count > 1)
        {
            // Which one it was is seen when each is tried by itself.
            return [.. networks.Select(n => Faults([n])[0])];
        }
        catch (Exception e)
        {
            faults[sound[0].At] = e.ToString();
        }

        return faults;
    }
}
