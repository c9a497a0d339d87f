using Specializer.Manifest;
using TorchSharp;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>What all samples hold between two blocks: the maps that later operations read, in host memory.</summary>
internal sealed class SampleMaps(torch.Device device) : IDisposable
{
    private readonly Dictionary<string, Tensor> _maps = new(StringComparer.Ordinal);

    /// <summary>A map of some samples, on the device.</summary>
    public Tensor Select(string map, Tensor samples) => _maps[map].index_select(0, samples).to(device);

    /// <summary>Maps of some samples among those that operations read from outside.</summary>
    public Dictionary<string, Tensor> Inputs(IReadOnlyList<Operation> operations, Tensor samples) =>
        operations.SelectMany(o => o.Inputs()).Distinct().Where(_maps.ContainsKey).ToDictionary(name => name, name => Select(name, samples), StringComparer.Ordinal);

    /// <summary>Adds a map of all samples.</summary>
    public void Add(string map, Tensor all) => _maps.Add(map, all.DetachFromDisposeScope());

    /// <summary>Frees what is no longer read.</summary>
    public void Keep(IReadOnlySet<string> read)
    {
        foreach (string map in _maps.Keys.Where(m => !read.Contains(m)).ToArray())
        {
            _maps[map].Dispose();
            _maps.Remove(map);
        }
    }

    public void Dispose() => Keep(new HashSet<string>());
}
