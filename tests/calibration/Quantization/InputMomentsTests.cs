namespace Specializer.Calibration.Tests;

public class InputMomentsTests
{
    [Theory]
    [InlineData(1, 3)]
    [InlineData(9, 64)]
    [InlineData(17, 65)]
    [InlineData(33, 200)]
    public void FastSumsEqualPlainOnesBitForBit(int size, int count)
    {
        float[] columns = new Gaussian(size).Values(size * count, 1, 0.5);
        var moments = new InputMoments(size);
        moments.Add(columns, 3);
        Assert.Equal(count, moments.Count);
        for (int i = 0; i < size; i++)
        {
            for (int j = i; j < size; j++) Assert.Equal(InputMoments.PlainProduct(columns, size, i, j), moments.Product(i, j));
        }
    }

    [Fact]
    public void PiecesAndResumptionDoNotShow()
    {
        const int size = 10;
        float[] columns = new Gaussian(1).Values(size * 150);
        var whole = new InputMoments(size);
        whole.Add(columns, 2);
        var pieces = new InputMoments(size);
        pieces.Add(columns.AsSpan(0, 70 * size));
        using var stream = new MemoryStream();
        pieces.Write(new(stream));
        stream.Position = 0;
        InputMoments resumed = InputMoments.Read(new(stream));
        resumed.Add(columns.AsSpan(70 * size));
        Assert.Equal(whole.Mean(), resumed.Mean());
        Assert.Equal(whole.Covariance(), resumed.Covariance());
    }

    [Fact]
    public void CovarianceIsCentred()
    {
        const int size = 3, count = 5000;
        float[] columns = new Gaussian(1).Values(size * count, 0.1, 3);
        var moments = new InputMoments(size);
        moments.Add(columns);
        double[] covariance = moments.Covariance();
        for (int i = 0; i < size; i++)
        {
            Assert.Equal(3, moments.Mean()[i], 0.01);
            for (int j = 0; j < size; j++) Assert.Equal(i == j ? 0.01 : 0, covariance[i * size + j], 0.001);
        }
    }
}
