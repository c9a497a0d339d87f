using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class PairedRunTests
{
    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);

    [Fact]
    public void The_same_sampler_draws_the_same_images_and_another_does_not()
    {
        using var device = new CpuDevice(2);
        using InterpretedSampler reference = InterpretedSampler.Float32(Model, 2, eta: 1, device: device), other = InterpretedSampler.Float32(Model, 2, eta: 1, "ddim", device);
        var options = new EvaluationOptions { FirstImage = 5, Images = 3 };
        using var run = new PairedRun([reference, reference, other], options, seed: 9, digits: null);
        int units = 0;
        run.Run(_ => units++, done => Assert.Equal(0, done), default);
        Assert.Equal(run.Units, units);
        Assert.All(run.Rows[1].DriftDb, d => Assert.Equal(double.PositiveInfinity, d));
        Assert.True(run.Rows[1].Moments.Equals(run.Rows[0].Moments));
        Assert.All(run.Rows[2].DriftDb, d => Assert.True(double.IsFinite(d)));
        // Image by image the figures of a direct comparison.
        int[] labels = TrajectoryLabels.Of(Model, 9, 5, 3);
        using SamplerSession a = reference.CreateSession(), b = other.CreateSession();
        var images = new SampleOptions { Count = 3, Seed = 9, FirstImage = 5, Labels = labels };
        var direct = new PairedImages(a.Sample(images).Pixels.Span, b.Sample(images).Pixels.Span, 784);
        Assert.Equal(direct.PooledSnrDb(), run.Rows[2].Moments.Paired.PooledSnrDb());
        Assert.Equal(direct.PooledSnrDb().Value, run.Rows[2].DriftDb[^1], 1e-9);
    }

    [Fact]
    public void Cancelling_stops_the_run()
    {
        using var device = new CpuDevice(1);
        using InterpretedSampler reference = InterpretedSampler.Float32(Model, 2, eta: 1, device: device);
        using var run = new PairedRun([reference], new() { Images = 2 }, 0, null);
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => run.Run(_ => { }, _ => { }, cancellation.Token));
    }

    [Fact]
    public void The_first_batch_pays_for_compiling_and_is_left_out_of_the_time()
    {
        Assert.Equal(2, RowMeasurement.MedianOfBatches([100, 1, 2, 3]));
        Assert.Equal(100, RowMeasurement.MedianOfBatches([100]));
    }

    [SharedFact("data/mnist")]
    public void Real_digits_are_read_and_their_distance_is_a_floor()
    {
        DigitReference digits = DigitReference.Open(SharedData.Mnist, 300, 2);
        Assert.InRange(digits.RealAccuracy, 0.96, 1);
        var (labels, features) = digits.Classify(new Gaussian(1).Values(300 * 784));
        Assert.Equal(300, labels.Length);
        Assert.True(digits.Distance(features) > 5 * digits.RealFrechet);
        Assert.Throws<DirectoryNotFoundException>(() => DigitReference.Open(Path.Combine(SharedData.Mnist, "nowhere"), 300, 2));
    }
}
