namespace Specializer.Calibration.Tests;

public class CholeskyTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(150)]
    public void FactorMultipliesBack(int n)
    {
        double[] h = PositiveDefinite(n), r = [.. h];
        Assert.True(Cholesky.Factor(r, n));
        for (int i = 0; i < n; i++)
        {
            for (int j = i; j < n; j++)
            {
                double product = 0;
                for (int k = j; k < n; k++) product += r[i * n + k] * r[j * n + k];
                Assert.Equal(h[i * n + j], product, 1e-9 * n);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(21)]
    public void A_system_is_solved(int n)
    {
        double[] h = PositiveDefinite(n), factor = [.. h], expected = [.. new Gaussian(3).Values(n).Select(v => (double)v)], x = new double[n];
        for (int i = 0; i < n; i++) x[i] = Cholesky.Dot(h.AsSpan(i * n, n), expected);
        Assert.True(Cholesky.Factor(factor, n));
        Cholesky.Solve(factor, n, x);
        Assert.All(expected.Zip(x), pair => Assert.Equal(pair.First, pair.Second, 1e-8));
    }

    [Fact]
    public void ThreadsDoNotShow()
    {
        const int n = 200;
        double[] one = PositiveDefinite(n), four = [.. one];
        Assert.True(Cholesky.Factor(one, n, 1) && Cholesky.Factor(four, n, 4));
        for (int i = 0; i < n; i++) Assert.Equal(one.AsSpan(i * n + i, n - i), four.AsSpan(i * n + i, n - i));
    }

    [Fact]
    public void AnIndefiniteMatrixIsReported() => Assert.False(Cholesky.Factor([1, 2, 2, 1], 2));

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(33)]
    public void VectorFormsMatchPlainOnes(int n)
    {
        double[] a = [.. new Gaussian(1).Values(n).Select(x => (double)x)], b = [.. new Gaussian(2).Values(n).Select(x => (double)x)];
        Assert.Equal(a.Zip(b, (x, y) => x * y).Sum(), Cholesky.Dot(a, b), 1e-12);
        double[] y = [.. b];
        Cholesky.AddScaled(y, 0.7, a);
        Assert.Equal(b.Zip(a, (p, q) => Math.FusedMultiplyAdd(0.7, q, p)), y);
    }

    private static double[] PositiveDefinite(int n)
    {
        float[] a = new Gaussian(n).Values(n * n);
        var h = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                for (int k = 0; k < n; k++) h[i * n + j] += (double)a[i * n + k] * a[j * n + k] / n;
            }

            h[i * n + i] += 0.1;
        }

        return h;
    }
}
