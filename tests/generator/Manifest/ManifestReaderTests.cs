using Specializer.Manifest;

namespace Specializer.Generator.Tests;

public sealed class ManifestReaderTests
{
    [Fact]
    public void Synthetic_manifests_are_valid()
    {
        ManifestBuilder[] builders =
        [
            new ManifestBuilder().WithOneConvolution(),
            new ManifestBuilder().WithEveryOperation(),
            new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true, Channels = 3, Sampler = "ddim", Clip = false }.WithEveryOperation(),
        ];
        Assert.All(builders, b => Assert.Empty(ManifestReader.Read(b.ToString()).Errors));
    }
}
