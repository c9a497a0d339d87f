using Specializer.Calibration;
using Specializer.Manifest;

namespace Specializer.Fuzz;

/// <summary>The interpreter's pictures, with the kernels that users have, beside the plain loops': the same bits, in FP32 and in integers.</summary>
internal sealed class PlainComparison : IComparison
{
    private readonly CpuDevice _device = new(2);

    public string Name => "plain";

    public string Remark => "the kernels compared bit for bit with plain loops";

    public string?[] Faults(IReadOnlyList<(string Text, CalibrationManifest Manifest)> networks) => [.. networks.Select(n => Difference(n.Manifest))];

    private string? Difference(CalibrationManifest manifest)
    {
        Func<string, long, byte[]> tensor = RandomWeights.Tensor(manifest);
        using Sampler sampler = InterpretedSampler.FromManifest(manifest, tensor, _device);
        SampleOptions options = Pictures.Of(manifest);
        return Pictures.Difference(PlainSampler.Sample(manifest, tensor, options), sampler.Sample(options).Pixels.Span, "By kernels", "in plain loops");
    }

    public void Dispose() => _device.Dispose();
}
