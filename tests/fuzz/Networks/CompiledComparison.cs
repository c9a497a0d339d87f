using Specializer.Calibration;
using Specializer.Packing;

namespace Specializer.Fuzz;

/// <summary>Samplers that are generated, compiled and run in memory beside the interpreter, each on one thread and on three: the same bits.</summary>
internal sealed class CompiledComparison : IComparison
{
    private readonly CpuDevice _one = new(1), _three = new(3);

    public string Name => "compiled";

    public string Remark => "compiled and interpreted compared bit for bit, on one thread and on three";

    /// <summary>One compilation for all.</summary>
    public string?[] Faults(IReadOnlyList<RandomArtifact> networks)
    {
        Func<Device, Sampler>[] load;
        try
        {
            load = CompiledNetworks.Of(networks);
        }
        catch (Exception e) when (e is InvalidOperationException or WeightsException)
        {
            // The compiler's errors name no network: each is compiled by itself.
            return networks.Count > 1 ? [.. networks.Select(n => Faults([n])[0])] : [e.Message];
        }

        return [.. networks.Zip(load, (n, compiled) => Difference(n, compiled))];
    }

    private string? Difference(RandomArtifact network, Func<Device, Sampler> load)
    {
        float[]? expected = null;
        foreach (CpuDevice device in (CpuDevice[])[_one, _three])
        {
            foreach (bool compiled in (bool[])[false, true])
            {
                using Sampler sampler = compiled ? load(device) : InterpretedSampler.FromManifest(network.Manifest, network.Tensor, device);
                float[] pictures = sampler.Sample(Pictures.Of(network.Manifest)).Pixels.ToArray();
                expected ??= pictures;
                if (Pictures.Difference(expected, pictures, $"{(compiled ? "Compiled" : "Interpreted")} on {device.Name}", "interpreted on one thread") is { } difference) return difference;
            }
        }

        return null;
    }

    public void Dispose()
    {
        _one.Dispose();
        _three.Dispose();
    }
}
