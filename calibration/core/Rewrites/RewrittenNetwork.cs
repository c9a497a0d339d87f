using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A network, FP32, that computes what another does with fewer operations. Rewrites come before quantization, so that calibration, generator, devices and exports see one network.</summary>
/// <param name="Network">The network.</param>
/// <param name="Tensors">Its tensors by name.</param>
/// <param name="Dropped">Operations of the source network that nothing needs any more, in its order. Their tensors were read and checked like all others.</param>
internal sealed record RewrittenNetwork(Network Network, IReadOnlyDictionary<string, float[]> Tensors, IReadOnlyList<string> Dropped)
{
    /// <summary>Applies all rewrites.</summary>
    public static RewrittenNetwork Of(Network network, IReadOnlyDictionary<string, float[]> tensors) =>
        SingleKeyAttention.Apply(new(network, tensors, [])).WithoutUnused();

    /// <summary>Drops operations that no output depends on, with their maps and tensors.</summary>
    private RewrittenNetwork WithoutUnused()
    {
        var read = new HashSet<string>(Network.AllOutputs(), StringComparer.Ordinal);
        var used = new HashSet<Operation>(ReferenceEqualityComparer.Instance);
        foreach (Operation operation in Network.Operations.Reverse())
        {
            if (!operation.Outputs().Any(read.Contains)) continue;
            used.Add(operation);
            read.UnionWith(operation.Inputs());
        }

        if (used.Count == Network.Operations.Count) return this;
        var maps = Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        var kept = new HashSet<string>(used.SelectMany(o => o.Inputs().Concat(o.Outputs())).Concat(Network.AllInputs()), StringComparer.Ordinal);
        HashSet<string> tensors = [.. used.SelectMany(o => o.Tensors(maps)).Select(t => t.Name)];
        return new(
            Network with { Maps = Network.Maps.Where(m => kept.Contains(m.Name)).ToEquatableArray(), Operations = Network.Operations.Where(used.Contains).ToEquatableArray() },
            DeferredTensors.Of(Tensors, tensors.Contains),
            [.. Dropped, .. Network.Operations.Where(o => !used.Contains(o)).Select(o => o.Name)]);
    }
}
