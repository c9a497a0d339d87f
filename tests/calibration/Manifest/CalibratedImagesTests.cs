using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

public class CalibratedImagesTests
{
    [Theory]
    [InlineData(3, 0, 1, true)]
    [InlineData(3, 319, 1, true)] // The last held-out one.
    [InlineData(3, 320, 100, false)]
    [InlineData(4, 0, 1, false)]
    public void ImagesOfTheCalibrationAreNamed(ulong seed, long first, int count, bool overlaps)
    {
        string? warning = CalibratedImages.Overlap(new Provenance("specializer", "1.0.0", default, 256, 3), seed, first, count);
        Assert.Equal(overlaps, warning is not null);
        if (overlaps) Assert.Contains("0 to 319 of seed 3", warning);
    }

    [Fact]
    public void TheSampleAppsDefaultSeedIsNotTheCalibrations()
    {
        string manifest = Path.Combine(ModelFolder.Source, "mnist.calibration.json");
        Assert.NotNull(CalibratedImages.Overlap(manifest, 0, 0, 64));
        Assert.Null(CalibratedImages.Overlap(manifest, 1, 0, 64));
    }
}
