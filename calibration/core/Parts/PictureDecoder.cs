namespace Specializer.Calibration;

/// <summary>A decoder on a device, for latents in any number.</summary>
internal sealed class PictureDecoder : IDisposable
{
    // Maps of large pictures: one of a batch is work enough for all threads.
    private const int MostImages = 4;

    private readonly ImportedNetwork _network;
    private readonly NetworkEvaluator _evaluator;

    /// <param name="network">The decoder, in FP32.</param>
    /// <param name="device">Stays the caller's.</param>
    public PictureDecoder(ImportedNetwork network, Device device)
    {
        _network = network;
        _evaluator = network.Evaluator(device, CapacityOf(network));
    }

    /// <summary>Latents that a decoder takes at once.</summary>
    public static int CapacityOf(ImportedNetwork network) => Float32Sampler.Capacity(network.Network, MostImages);

    /// <summary>Pictures of latents, NHWC.</summary>
    public float[] Decode(float[] latents, CancellationToken cancellation = default) => _network.Evaluate(_evaluator, latents, cancellation);

    /// <inheritdoc/>
    public void Dispose() => _evaluator.Dispose();
}
