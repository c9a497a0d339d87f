namespace Specializer.Calibration.Tests;

public class TrajectoryLabelsTests
{
    [Fact]
    public void FewTrajectoriesAreSpreadOverAllOfAThousandClasses()
    {
        int[] labels = TrajectoryLabels.Of(1001, none: 1000, seed: 0, firstImage: 0, count: 256);
        Assert.Equal(256, labels.Distinct().Count());
        // 64 are expected in each quarter, with a standard deviation of 6.
        Assert.All(labels.CountBy(label => label / 250), quarter => Assert.InRange(quarter.Value, 40, 90));
        Assert.Equal(4, labels.Select(label => label / 250).Distinct().Count());
    }

    [Theory]
    [InlineData(11, 10)]
    [InlineData(11, 3)]
    [InlineData(10, -1)]
    public void EveryStretchHoldsEveryClassOnceAndNeverTheNullLabel(int classes, int nullLabel)
    {
        int[] all = [.. Enumerable.Range(0, classes).Where(label => label != nullLabel)];
        int[][] stretches = [.. TrajectoryLabels.Of(classes, nullLabel, 7, 0, 5 * all.Length).Chunk(all.Length)];
        Assert.All(stretches, stretch => Assert.Equal(all, stretch.Order()));
        Assert.Contains(stretches, stretch => !stretch.SequenceEqual(stretches[0]));
    }

    [Fact]
    public void PiecesAreThoseOfTheWholeAndAnotherSeedHasAnotherOrder()
    {
        int[] whole = TrajectoryLabels.Of(11, 10, 7, 0, 60);
        Assert.Equal(whole[23..47], TrajectoryLabels.Of(11, 10, 7, 23, 24));
        Assert.NotEqual(whole, TrajectoryLabels.Of(11, 10, 8, 0, 60));
        Assert.Empty(TrajectoryLabels.Of(0, -1, 7, 0, 3));
    }

    [Fact]
    public void ACalibrationsTrajectoriesHaveThem()
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);
        var options = new CalibrationOptions { Steps = 1, Trajectories = 16, Seed = 3 };
        using var device = new CpuDevice(2);
        using var reference = new ReferenceTrajectories(model, Calibrator.Solver(model, options).Program, options, device);
        Assert.Equal(TrajectoryLabels.Of(11, 10, 3, 0, 16), Assert.Single(reference.Run(0)).Labels);
    }
}
