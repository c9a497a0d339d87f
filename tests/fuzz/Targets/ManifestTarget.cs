using System.Text;
using Specializer.Generator.Tests;
using Specializer.Manifest;

namespace Specializer.Fuzz;

/// <summary>Reads manifests: text, values, and what they say together. Layout and key of an accepted one must be computable.</summary>
internal sealed class ManifestTarget : FuzzTarget
{
    public override string Name => "manifest";

    public override IEnumerable<byte[]> Seeds =>
    [
        Encoding.UTF8.GetBytes(new ManifestBuilder().WithOneConvolution().ToString()),
        Encoding.UTF8.GetBytes(new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation().ToString()),
        Encoding.UTF8.GetBytes(new ManifestBuilder { Guided = true }.WithNetworks().ToString()),
    ];

    public override byte[] Mutate(byte[] input, Mutator mutator) => mutator.Json(input);

    public override string Read(byte[] input)
    {
        ManifestResult result = ManifestReader.Read(Encoding.UTF8.GetString(input));
        if (result.Manifest is { } manifest)
        {
            var linked = LinkedNetwork.Of(manifest);
            _ = new WeightLayout(linked.Network, manifest.Steps.Count).TotalBytes;
            _ = new WeightKey(linked.Network, manifest.Steps.Count, manifest.Weights.Sha256);
            return "accepted";
        }

        ManifestError error = result.Errors[0];
        return error.Id == ManifestErrorId.Internal ? throw new InvalidOperationException(error.Message) : $"{error.Id} {error.Message}";
    }
}
