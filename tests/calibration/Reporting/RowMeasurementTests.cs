namespace Specializer.Calibration.Tests;

public class RowMeasurementTests
{
    private const int Images = 3, Channels = 1, Elements = 4, Steps = 2, Features = 2;
    // What stands before the counts: six sums an image, coarse pixels of both, and two sums a step.
    private const int Times = Images * (6 * sizeof(double) + 2 * Elements * sizeof(float)) + 2 * Steps * sizeof(double);
    private const int Numbers = Times + sizeof(int) + sizeof(double), Kept = Numbers + sizeof(int) + 2 * Features * sizeof(float);

    /// <summary>With a right hash, and not of the two images in one batch that are done: a state is compared with what it must hold before anything is taken of it.</summary>
    [Theory]
    [InlineData(0, "000000000000F07F")] // ∞
    [InlineData(2 * 6 * sizeof(double), "000000000000F03F")] // an image that is not done
    [InlineData(Images * 6 * sizeof(double), "0000C07F")] // NaN
    [InlineData(Times - sizeof(double), "000000000000F87F")]
    [InlineData(Times - sizeof(double), "000000000000F0BF")] // −1
    [InlineData(Times, "00000000")]
    [InlineData(Times, "FFFFFF7F")]
    [InlineData(Numbers, "FFFFFF7F")]
    [InlineData(Numbers, "FFFFFFFF")]
    [InlineData(Numbers + sizeof(int), "0000C07F")]
    [InlineData(Kept, "01000000")]
    [InlineData(Kept + sizeof(int), "0000807F")]
    [InlineData(Kept + sizeof(int) + 2 * Elements * sizeof(float), "01000000")]
    [InlineData(Kept + 2 * sizeof(int) + 2 * Elements * sizeof(float), "03000000")]
    public void States_of_other_images_are_refused(int at, string bytes)
    {
        byte[] state = State();
        Convert.FromHexString(bytes).CopyTo(state, at);
        Assert.Throws<InvalidDataException>(() => New().Read(new(new MemoryStream(state)), 1, 2, Features));
    }

    [Fact]
    public void A_state_is_taken_as_it_was_written_and_for_as_many_images()
    {
        byte[] state = State();
        RowMeasurement read = New();
        read.Read(new(new MemoryStream(state)), 1, 2, Features);
        Assert.Equal(state, Written(read));
        foreach (var (batches, done, features) in ((int, int, int?)[])[(2, 2, Features), (1, 1, Features), (1, 3, Features), (1, 2, Features + 1), (1, 2, null)])
            Assert.Throws<InvalidDataException>(() => New().Read(new(new MemoryStream(state)), batches, done, features));
    }

    private static byte[] State()
    {
        RowMeasurement row = New();
        float[] reference = [1, 2, 3, 4, 5, 6, 7, 8], pixels = [1, 2, 3, 5, 5, 6, 7, 9];
        for (int step = 0; step < Steps; step++) row.AddState(step, reference, pixels);
        row.AddImages(0, reference, pixels);
        row.AddTime(4, 2);
        row.AddDigits([1, 2], [1, 3], new float[2 * Features]);
        return Written(row);
    }

    private static RowMeasurement New() => new(Images, Channels, Elements, Steps, new(2, 2, Channels));

    private static byte[] Written(RowMeasurement row)
    {
        using var stream = new MemoryStream();
        row.Write(new(stream));
        return stream.ToArray();
    }
}
