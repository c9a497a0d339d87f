using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class EvaluationTests
{
    [SharedFact("data/mnist")]
    public void TheClassifierReadsTheTestSet()
    {
        var (shape, pixels) = IdxFile.Read(Path.Combine(SharedData.Mnist, "t10k-images-idx3-ubyte.gz"));
        var (labelShape, labels) = IdxFile.Read(Path.Combine(SharedData.Mnist, "t10k-labels-idx1-ubyte.gz"));
        Assert.Equal([10_000, 28, 28], shape);
        Assert.Equal([10_000], labelShape);
        var (found, features) = DigitClassifier.Open(SharedData.Mnist).Classify(Array.ConvertAll(pixels, p => (float)p), 2);
        double accuracy = found.Zip(labels, (f, l) => f == l ? 1.0 : 0).Average();
        Assert.InRange(accuracy, 0.985, 0.993);

        // The file is sorted by label: take every other image for two samples of the same source.
        float[][] rows = [.. features.Chunk(256)];
        float[] even = [.. rows.Where((_, i) => i % 2 == 0).SelectMany(r => r)], odd = [.. rows.Where((_, i) => i % 2 == 1).SelectMany(r => r)];
        double floor = FrechetDistance.Between(even, odd, 256);
        float[] faint = [.. pixels.Chunk(784).Where((_, i) => i % 10 == 0).SelectMany(p => p).Select(p => p / 2f)];
        double other = FrechetDistance.Between(DigitClassifier.Open(SharedData.Mnist).Classify(faint, 2).Features, odd, 256);
        Assert.True(other > 5 * floor, $"halved contrast {other}, real against real {floor}");
    }

    [Fact]
    public void FrechetDistanceOfGaussiansIsTheClosedForm()
    {
        // Diagonal covariances: Σ (m₁ − m₂)² + (s₁ − s₂)².
        const int n = 40_000;
        float[] first = new float[n * 2], second = new float[n * 2];
        var random = new Gaussian(1);
        for (int i = 0; i < n; i++)
        {
            (first[2 * i], first[2 * i + 1]) = ((float)random.Next(), (float)(3 * random.Next()));
            (second[2 * i], second[2 * i + 1]) = ((float)(1 + 2 * random.Next()), (float)(3 * random.Next()));
        }

        Assert.Equal(2, FrechetDistance.Between(first, second, 2), 0.1);
        Assert.Equal(0, FrechetDistance.Between(first, first, 2), 1e-9);
        Assert.Throws<ArgumentException>(() => FrechetDistance.Between(first.AsSpan(0, 2), second, 2));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(40)]
    public void EigenvaluesOfAKnownMatrix(int n)
    {
        // The second difference matrix: 2 − 2·cos(πk/(n + 1)), hidden behind a reflection that keeps its eigenvalues.
        float[] v = new Gaussian(n).Values(n);
        double square = v.Sum(x => (double)x * x);
        var matrix = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                for (int k = 0; k < n; k++)
                {
                    for (int l = Math.Max(0, k - 1); l <= Math.Min(n - 1, k + 1); l++)
                        matrix[i * n + j] += Reflection(i, k) * (k == l ? 2 : -1) * Reflection(l, j);
                }
            }
        }

        double[] values = [.. SymmetricEigen.Values(matrix, n).Order()];
        for (int k = 0; k < n; k++) Assert.Equal(2 - 2 * Math.Cos(Math.PI * (k + 1) / (n + 1)), values[k], 1e-12);

        double Reflection(int i, int j) => (i == j ? 1 : 0) - 2 * v[i] * (double)v[j] / square;
    }

    [Fact]
    public void EigenvaluesOfDiagonalAndZeroMatrices()
    {
        Assert.Equal([-1, 0, 3], SymmetricEigen.Values([3, 0, 0, 0, -1, 0, 0, 0, 0], 3).Order());
        Assert.Equal([0, 0], SymmetricEigen.Values(new double[4], 2));
    }

    [Fact]
    public void FewerImagesThanFeaturesStillHaveADistance()
    {
        // Most eigenvalues of such covariances are zero. Equal covariances leave the distance of the means.
        const int images = 20, features = 256;
        float[] first = new Gaussian(1).Values(images * features), second = Array.ConvertAll(first, v => v + 0.5f);
        for (int i = 0; i < first.Length; i++)
        {
            if (i % features % 3 == 0) first[i] = second[i] = 0;
        }

        double expected = (features - 86) * 0.25;
        Assert.Equal(expected, FrechetDistance.Between(first, second, features), 0.01);
    }

    [Fact]
    public void DamagedIdxFilesAreRefused()
    {
        using var folder = new TemporaryFolder();
        foreach (byte[] content in (byte[][])[[0, 0, 8], [0, 0, 9, 1, 0, 0, 0, 1, 5], [0, 0, 8, 1, 0, 0, 0, 9, 5], [0, 0, 8, 1, 0x7F, 0xFF, 0xFF, 0xFF], [0, 0, 8, 2, 0xFF, 0, 0, 0, 0, 0, 0, 0]])
        {
            string path = folder.File("images.gz");
            using (var stream = new System.IO.Compression.GZipStream(File.Create(path), System.IO.Compression.CompressionLevel.Fastest)) stream.Write(content);
            Assert.Throws<InvalidDataException>(() => IdxFile.Read(path));
            File.WriteAllBytes(path, content);
            Assert.StartsWith(path, Assert.Throws<InvalidDataException>(() => IdxFile.Read(path)).Message);
        }
    }
}
