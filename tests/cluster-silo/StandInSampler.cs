using System.Reflection;
using Specializer.Generated.Tests;

namespace Specializer.ClusterSilo;

/// <summary>The shipped model and weights with other steps.</summary>
public sealed class StandInSampler : Sampler
{
    private readonly MnistSampler _original;
    private readonly Action<MnistSampler, int, Execution> _step;

    private StandInSampler(MnistSampler original, Action<MnistSampler, int, Execution> step) : base(original.Description, original.Device, PackedWeights.Open(
        typeof(MnistSampler).Assembly, Packed(out byte[] key), key, original.Description.WeightBytes)) => (_original, _step) = (original, step);

    /// <summary>Another version: it leaves the last step out.</summary>
    public static Sampler Altered(Device? device) => new StandInSampler(MnistSampler.Load(device), (original, step, run) =>
    {
        if (step + 1 < original.Description.Steps.Count) ((Sampler)original).RunStep(step, run);
    });

    /// <summary>One that leaves all steps out and waits instead, as for a device that is not this machine's: several silos do not disturb each other.</summary>
    /// <param name="pace">Seconds a picture.</param>
    public static Func<Device?, Sampler> Paced(double pace) => device => new StandInSampler(MnistSampler.Load(device), (_, step, run) =>
    {
        // Once a drawing: on a busy machine each wait ends late.
        if (step == 0) Thread.Sleep(TimeSpan.FromSeconds(pace * run.DrawnImages));
    });

    /// <inheritdoc/>
    protected internal override void RunBegin(Execution run) => ((Sampler)_original).RunBegin(run);

    protected internal override void RunStep(int step, Execution run) => _step(_original, step, run);

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
