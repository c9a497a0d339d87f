namespace Specializer.Calibration.Tests;

public class ChannelSpreadTests
{
    /// <summary>A channel that varies, one that never changes, and one that holds another value in each part.</summary>
    [Fact]
    public void Parts_merge_to_the_whole()
    {
        ChannelSpread whole = new(3), merged = new(3), other = new(3);
        float[] first = Pixels(40, constant: 1), second = Pixels(25, constant: -3);
        whole.Add(first);
        whole.Add(second);
        merged.Add(first);
        other.Add(second);
        merged.Merge(other);
        Assert.Equal(whole.Largest, merged.Largest);
        Assert.Equal([false, true, false], Enumerable.Range(0, 3).Select(merged.IsConstant));
        for (int c = 0; c < 3; c++)
        {
            Assert.Equal(whole.Variance(c), merged.Variance(c), 1e-12);
            Assert.Equal(whole.Power(c), merged.Power(c), 1e-12);
        }

        static float[] Pixels(int count, float constant) => [.. new Gaussian(count).Values(count).SelectMany(x => (float[])[x, 2, constant])];
    }
}
