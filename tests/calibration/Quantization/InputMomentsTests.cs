namespace Specializer.Calibration.Tests;

public class InputMomentsTests
{
    [Theory]
    [InlineData(1, 3)]
    [InlineData(9, 64)]
    [InlineData(17, 65)]
    [InlineData(33, 200)]
    [InlineData(39, 300)]
    public void SumsAreThoseOfTheTwelveBitIntegers(int size, int count)
    {
        float[] columns = new Gaussian(size).Values(size * count, 1, 0.5);
        columns[0] = 9; // Beyond what is represented: clamped.
        var moments = new InputMoments(size, 3.9f);
        moments.Add(columns, 3);
        Assert.Equal((count, 2.0 / 1024), (moments.Count, moments.Scale));
        long[] integers = Array.ConvertAll(columns, x => (long)Math.Clamp(Math.Round(x / moments.Scale), -2047, 2047));
        for (int i = 0; i < size; i++)
        {
            for (int j = i; j < size; j++) Assert.Equal(Enumerable.Range(0, count).Sum(n => integers[n * size + i] * integers[n * size + j]), moments.Product(i, j));
        }
    }

    /// <summary>So a state is all new wherever it is kept: there is no part of it that could stay as it was written before.</summary>
    [Fact]
    public void AColumnChangesEverySum()
    {
        const int Size = 33;
        float[] columns = [.. Enumerable.Range(1, 2 * Size).Select(i => MathF.Cos(i))];
        var moments = new InputMoments(Size, 2);
        moments.Add(columns.AsSpan(0, Size));
        long[] before = Sums();
        moments.Add(columns.AsSpan(Size));
        Assert.All(before.Zip(Sums()), pair => Assert.NotEqual(pair.First, pair.Second));

        long[] Sums() => [.. Enumerable.Range(0, Size).SelectMany(i => Enumerable.Range(i, Size - i).Select(j => moments.Product(i, j)))];
    }

    /// <summary>Sums that no columns have, of either sign; the least of all integers has no magnitude.</summary>
    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(3 * 2047 + 1)]
    [InlineData(-3 * 2047 - 1)]
    public void StatesThatNoColumnsHaveAreRefused(long sum)
    {
        var moments = new InputMoments(1, 4);
        moments.Add([1, -1, 2], 1);
        using var stream = new MemoryStream();
        moments.Write(new(stream));
        byte[] state = stream.ToArray();
        BitConverter.GetBytes(sum).CopyTo(state, 8);
        Assert.Throws<InvalidDataException>(() => InputMoments.Read(new(new MemoryStream(state)), 1, 3));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(4)]
    public void OtherColumnsThanWereAddedAreRefused(int columns)
    {
        var moments = new InputMoments(1, 4);
        moments.Add([1, -1, 2], 1);
        using var stream = new MemoryStream();
        moments.Write(new(stream));
        Assert.Contains($"{columns} columns", Assert.Throws<InvalidDataException>(() => InputMoments.Read(new(new MemoryStream(stream.ToArray())), 1, columns)).Message);
        Assert.Equal(3, InputMoments.Read(new(new MemoryStream(stream.ToArray())), 1, 3).Count);
    }

    [Fact]
    public void OrderPiecesAndResumptionDoNotShow()
    {
        const int size = 10;
        float[] columns = new Gaussian(1).Values(size * 150);
        var whole = new InputMoments(size, 4);
        whole.Add(columns, 2);
        InputMoments last = new(size, 4), first = new(size, 4);
        last.Add(columns.AsSpan(70 * size));
        first.Add([.. columns[..(70 * size)].Chunk(size).Reverse().SelectMany(column => column)]);
        using var stream = new MemoryStream();
        last.Write(new(stream));
        stream.Position = 0;
        InputMoments resumed = InputMoments.Read(new(stream), size, 80);
        resumed.Merge(first);
        Assert.Equal(whole.Mean(), resumed.Mean());
        Assert.Equal(whole.Covariance(), resumed.Covariance());
        Assert.Throws<ArgumentException>(() => resumed.Merge(new(size, 16)));
    }

    [Fact]
    public void CovarianceIsCentred()
    {
        const int size = 3, count = 5000;
        float[] columns = new Gaussian(1).Values(size * count, 0.1, 3);
        var moments = new InputMoments(size, 4);
        moments.Add(columns);
        double[] covariance = moments.Covariance();
        for (int i = 0; i < size; i++)
        {
            Assert.Equal(3, moments.Mean()[i], 0.01);
            for (int j = 0; j < size; j++) Assert.Equal(i == j ? 0.01 : 0, covariance[i * size + j], 0.001);
        }
    }

    [Theory]
    [InlineData(400, 1)]
    [InlineData(-400, 1)]
    [InlineData(0, -1)]
    [InlineData(0, int.MaxValue)]
    public void StatesThatNoMomentsHaveAreRefused(int exponent, int count)
    {
        using var stream = new MemoryStream();
        var writer = new BinaryWriter(stream);
        writer.Write(exponent);
        writer.Write(count);
        for (int i = 0; i < 2 + 8 + 8; i++) writer.Write(5L);
        stream.Position = 0;
        Assert.Throws<InvalidDataException>(() => InputMoments.Read(new(stream), 2, count));
    }
}
