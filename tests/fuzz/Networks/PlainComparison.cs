using Specializer.Calibration;

namespace Specializer.Fuzz;

/// <summary>The interpreter's pictures, with the kernels that users have, beside the plain loops': the same bits, in FP32 and in integers. The generator prints each network's sampler, which nothing compiles.</summary>
internal sealed class PlainComparison : IComparison
{
    private readonly CpuDevice _device = new(2);

    public string Name => "plain";

    public string Remark => "the kernels compared bit for bit with plain loops";

    public string?[] Faults(IReadOnlyList<RandomArtifact> networks)
    {
        CompiledNetworks.Print(networks);
        return [.. networks.Select(Difference)];
    }

    private string? Difference(RandomArtifact network)
    {
        using Sampler sampler = InterpretedSampler.FromManifest(network.Manifest, network.Tensor, _device);
        SampleOptions options = Pictures.Of(network.Manifest);
        return Pictures.Difference(PlainSampler.Sample(network.Manifest, network.Tensor, options), sampler.Sample(options).Pixels.Span, "By kernels", "in plain loops");
    }

    public void Dispose() => _device.Dispose();
}
