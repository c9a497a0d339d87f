namespace Specializer.Fuzz;

/// <summary>Random networks, compared with something; one that differs is made smaller as long as it still does.</summary>
/// <param name="comparison">With what.</param>
/// <param name="make">Makes one.</param>
/// <param name="seed">Of the networks.</param>
/// <param name="findings">Folder for the smallest manifests that show a difference.</param>
internal sealed class DifferentialRun(IComparison comparison, Func<Random, IRandomNetwork> make, int seed, string findings)
{
    private readonly Random _random = new(seed);
    private readonly SortedDictionary<string, long> _kinds = new(StringComparer.Ordinal);
    private int _differ;

    /// <summary>Tries so many networks; returns how many differ.</summary>
    public int Run(long count)
    {
        var progress = new Progress();
        for (long done = 0; done < count; done += comparison.Batch)
        {
            IRandomNetwork[] networks = [.. Enumerable.Range(0, (int)Math.Min(comparison.Batch, count - done)).Select(_ => make(_random))];
            foreach (var (network, fault) in networks.Zip(Faults(networks)))
                if (fault is not null) Report(network, fault);
            progress.Report(() => Result(done + networks.Length));
        }

        Console.WriteLine($"{Result(count)}; {comparison.Remark}; operations: {string.Join(", ", _kinds.Select(k => $"{k.Key} {k.Value}"))}");
        return _differ;

        string Result(long done) => FormattableString.Invariant($"differ --against {comparison.Name}: seed {seed}, {done} networks in {progress.Elapsed.TotalSeconds:F0} s, {done / progress.Elapsed.TotalSeconds:F1} a second, {_differ} findings");
    }

    private void Report(IRandomNetwork network, string fault)
    {
        _differ++;
        // Making it smaller may take many builds.
        Console.WriteLine($"differ: {fault}");
        for (bool smaller = true; smaller;)
        {
            IRandomNetwork[] less = [.. network.Smaller()];
            string?[] faults = Faults(less);
            int first = Array.FindIndex(faults, f => f is not null);
            smaller = first >= 0;
            if (smaller) (network, fault) = (less[first], faults[first]!);
        }

        Directory.CreateDirectory(findings);
        string path = Path.Combine(findings, $"differ-{comparison.Name}-{seed}-{_differ}.json");
        File.WriteAllText(path, network.Text());
        Console.WriteLine($"differ: {fault}{Environment.NewLine}  seed {seed}, made smaller: {network.Description}, in {path}");
    }

    /// <summary>What is wrong with each network; null where nothing is.</summary>
    private string?[] Faults(IReadOnlyList<IRandomNetwork> networks)
    {
        var faults = new string?[networks.Count];
        var made = new List<(int At, RandomArtifact Artifact)>();
        for (int i = 0; i < networks.Count; i++)
        {
            try
            {
                RandomArtifact artifact = networks[i].Make();
                made.Add((i, artifact));
                foreach (Manifest.Operation operation in artifact.Manifest.Network.Operations) _kinds[operation.Kind] = _kinds.GetValueOrDefault(operation.Kind) + 1;
            }
            catch (Exception e)
            {
                faults[i] = e.ToString();
            }
        }

        foreach (var (network, fault) in made.Zip(Compare([.. made.Select(m => m.Artifact)]))) faults[network.At] = fault;
        return faults;
    }

    private string?[] Compare(IReadOnlyList<RandomArtifact> networks)
    {
        if (networks.Count == 0) return [];
        try
        {
            return comparison.Faults(networks);
        }
        catch (Exception e)
        {
            // Which one it was is seen when each is tried by itself.
            return networks.Count == 1 ? [e.ToString()] : [.. networks.Select(n => Compare([n])[0])];
        }
    }
}
