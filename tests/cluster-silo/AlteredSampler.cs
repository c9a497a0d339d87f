using System.Reflection;
using Specializer.Generated.Tests;

namespace Specializer.ClusterSilo;

/// <summary>The same model and weights in another version: it leaves the last step out.</summary>
internal sealed class AlteredSampler : Sampler
{
    private readonly MnistSampler _original;

    private AlteredSampler(MnistSampler original) : base(original.Description, original.Device, PackedWeights.Open(
        typeof(MnistSampler).Assembly, Packed(out byte[] key), key, original.Description.WeightBytes)) => _original = original;

    public static Sampler Load(Device? device) => new AlteredSampler(MnistSampler.Load(device));

    /// <inheritdoc/>
    protected internal override void RunBegin(Execution run) => ((Sampler)_original).RunBegin(run);

    protected internal override void RunStep(int step, Execution run)
    {
        if (step + 1 < Description.Steps.Count) ((Sampler)_original).RunStep(step, run);
    }

    private static string Packed(out byte[] key)
    {
        string resource = typeof(MnistSampler).Assembly.GetCustomAttributes<PackedWeightsAttribute>().Single().Resource;
        using Stream stream = typeof(MnistSampler).Assembly.GetManifestResourceStream(resource)!;
        var header = new byte[64];
        stream.ReadExactly(header);
        key = header[32..];
        return resource;
    }
}
