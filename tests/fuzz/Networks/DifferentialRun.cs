using Specializer.Calibration;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Fuzz;

/// <summary>Random networks, generated, compiled and run in memory, beside the interpreter: the same bits.</summary>
/// <param name="seed">Of the networks.</param>
/// <param name="findings">Folder for the smallest manifests that show a difference.</param>
internal sealed class DifferentialRun(int seed, string findings)
{
    private const int Batch = 16;

    private readonly Random _random = new(seed);
    private readonly CpuDevice _one = new(1), _three = new(3);
    private int _differ;

    /// <summary>Tries so many networks; returns how many differ.</summary>
    public int Run(long count)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var kinds = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (long done = 0; done < count; done += Batch)
        {
            RandomNetwork[] networks = [.. Enumerable.Range(0, (int)Math.Min(Batch, count - done)).Select(_ => RandomNetwork.Of(_random))];
            foreach (string kind in networks.SelectMany(n => ManifestReader.Read(n.Manifest()).Manifest?.Network.Operations.AsEnumerable() ?? []).Select(o => o.Kind)) kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
            foreach (var (network, fault) in networks.Zip(Faults(networks)))
                if (fault is not null) Report(network, fault);
        }

        Console.WriteLine(FormattableString.Invariant($"differ: seed {seed}, {count} networks in {watch.Elapsed.TotalSeconds:F0} s, {count / watch.Elapsed.TotalSeconds:F1} a second, {_differ} findings; operations: {string.Join(", ", kinds.Select(k => $"{k.Key} {k.Value}"))}"));
        return _differ;
    }

    private void Report(RandomNetwork network, string fault)
    {
        _differ++;
        for (bool smaller = true; smaller;)
        {
            smaller = false;
            foreach (RandomNetwork less in network.Smaller())
            {
                if (Faults([less])[0] is not { } same) continue;
                (network, fault, smaller) = (less, same, true);
                break;
            }
        }

        Directory.CreateDirectory(findings);
        string path = Path.Combine(findings, $"differ-{seed}-{_differ}.calibration.json");
        File.WriteAllText(path, network.Manifest());
        Console.WriteLine($"differ: {fault}{Environment.NewLine}  {network.Blocks.Count} blocks, {network.Steps} steps, {network.Size}×{network.Size}×{network.Channels} in {path}");
    }

    /// <summary>What is wrong with each network; null where nothing is. One compilation for all.</summary>
    private string?[] Faults(IReadOnlyList<RandomNetwork> networks)
    {
        string[] manifests = [.. networks.Select(n => n.Manifest())];
        var faults = new string?[networks.Count];
        CalibrationManifest?[] read = new CalibrationManifest?[networks.Count];
        for (int i = 0; i < manifests.Length; i++)
        {
            ManifestResult result = ManifestReader.Read(manifests[i]);
            if ((read[i] = result.Manifest) is null) faults[i] = $"The manifest is refused: {result.Errors[0].Id} {result.Errors[0].Message}";
        }

        int[] sound = [.. Enumerable.Range(0, manifests.Length).Where(i => read[i] is not null)];
        if (sound.Length == 0) return faults;
        Func<Device, Sampler>[] load;
        try
        {
            load = CompiledNetworks.Of([.. sound.Select(i => manifests[i])]);
        }
        catch (Exception e) when (e is InvalidOperationException or WeightsException)
        {
            // The compiler's errors name no network: each is compiled by itself.
            if (sound.Length > 1) return [.. networks.Select(n => Faults([n])[0])];
            faults[sound[0]] = e.Message;
            return faults;
        }

        foreach (var (i, compiled) in sound.Zip(load))
        {
            try
            {
                faults[i] = Difference(read[i]!, compiled);
            }
            catch (Exception e)
            {
                faults[i] = e.ToString();
            }
        }

        return faults;
    }

    /// <summary>Draws the same pictures four ways: interpreted and compiled, each on one thread and on three.</summary>
    private string? Difference(CalibrationManifest manifest, Func<Device, Sampler> load)
    {
        var options = new SampleOptions { Count = 3, Seed = 5, Labels = manifest.Model.Classes > 0 ? [0, 1, 2] : [], Guidance = manifest.Sampling.GuidanceMaximum.Value > 1 ? 2.5f : null };
        uint[]? expected = null;
        foreach (Device device in new Device[] { _one, _three })
        {
            foreach (bool compiled in new[] { false, true })
            {
                using Sampler sampler = compiled ? load(device) : InterpretedSampler.FromManifest(manifest, RandomWeights.Tensor(manifest), device);
                uint[] bits = [.. sampler.Sample(options).Pixels.ToArray().Select(BitConverter.SingleToUInt32Bits)];
                expected ??= bits;
                int first = Enumerable.Range(0, bits.Length).FirstOrDefault(i => bits[i] != expected[i], -1);
                if (first >= 0) return FormattableString.Invariant($"{(compiled ? "Compiled" : "Interpreted")} on {device.Name}, element {first} of {bits.Length} is {BitConverter.UInt32BitsToSingle(bits[first])}; interpreted on one thread it is {BitConverter.UInt32BitsToSingle(expected[first])}.");
            }
        }

        return null;
    }
}
