namespace Specializer.Calibration.Tests;

public class ChannelSpreadTests
{
    /// <summary>With a right hash, and no sums of the pixels that were seen.</summary>
    [Theory]
    [InlineData(2, 0, 2L, true)]
    [InlineData(3, 0, 2L, false)]
    [InlineData(2, 0, 1L, false)]
    [InlineData(2, 0, -1L, false)]
    [InlineData(2, 8, 0x7FC00000L, false)]
    [InlineData(2, 20, 0x7FF0000000000000L, false)]
    [InlineData(2, 28, -4616189618054758400L, false)]
    public void StatesOfOtherPixelsAreRefused(long pixels, int at, long value, bool sound)
    {
        var spread = new ChannelSpread(1);
        spread.Add([-1, 2]);
        using var stream = new MemoryStream();
        spread.Write(new(stream));
        byte[] state = stream.ToArray();
        BitConverter.GetBytes(value).AsSpan(0, at == 8 ? 4 : 8).CopyTo(state.AsSpan(at));
        if (sound) Assert.Equal(spread.Variance(0), ChannelSpread.Read(new(new MemoryStream(state)), 1, pixels).Variance(0));
        else Assert.Throws<InvalidDataException>(() => ChannelSpread.Read(new(new MemoryStream(state)), 1, pixels));
    }

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
