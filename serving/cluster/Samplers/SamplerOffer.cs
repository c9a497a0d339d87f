namespace Specializer.Cluster;

/// <summary>Which pictures a sampler draws, whatever machine it is on.</summary>
/// <param name="Name">The model's name.</param>
/// <param name="Hash">SHA-256 over the packed weights' hash and a few pictures drawn with them, 64 lower-case hexadecimal digits: other weights, literals or arithmetic have another.</param>
[GenerateSerializer]
public sealed record SamplerIdentity([property: Id(0)] string Name, [property: Id(1)] string Hash);

/// <summary>A sampler that a silo can run.</summary>
/// <param name="Sampler">Which one.</param>
/// <param name="WeightsHash">What names the packed weights alone.</param>
/// <param name="Version">Of Specializer.Runtime.</param>
/// <param name="Device">What it runs on, for people.</param>
/// <param name="PicturesPerSecond">As measured: at the silo's start, later while it works.</param>
[GenerateSerializer]
public sealed record SamplerOffer([property: Id(0)] SamplerIdentity Sampler, [property: Id(1)] string WeightsHash, [property: Id(2)] string Version, [property: Id(3)] string Device, [property: Id(4)] double PicturesPerSecond);

/// <summary>What a silo can run.</summary>
/// <param name="Silo">The silo's address and generation.</param>
/// <param name="Samplers">Its samplers.</param>
[GenerateSerializer]
public sealed record SiloOffer([property: Id(0)] string Silo, [property: Id(1)] IReadOnlyList<SamplerOffer> Samplers)
{
    /// <summary>Seconds that the silo takes for the requests which it has in hand.</summary>
    [Id(2)]
    public double SecondsInHand { get; init; }
}
