namespace Specializer.Calibration;

/// <summary>Fréchet distance of two sets of features taken as Gaussians: |m₁ − m₂|² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½).</summary>
/// <remarks>tr (Σ₁Σ₂)^½ = tr (Σ₁^½·Σ₂·Σ₁^½)^½ needs symmetric matrices only. Covariances divide by n − 1. The distance of small samples is biased
/// upwards: compare figures of equal sample size, and with the floor that two samples of the same source give.</remarks>
internal static class FrechetDistance
{
    /// <summary>The distance.</summary>
    /// <param name="first">[n₁, features].</param>
    /// <param name="second">[n₂, features].</param>
    /// <param name="features">Length of a feature vector.</param>
    /// <exception cref="ArgumentException">A set has fewer than two rows.</exception>
    public static double Between(ReadOnlySpan<float> first, ReadOnlySpan<float> second, int features)
    {
        var (mean1, covariance1) = Moments(first, features);
        var (mean2, covariance2) = Moments(second, features);
        double distance = 0;
        for (int i = 0; i < features; i++)
        {
            double d = mean1[i] - mean2[i];
            distance += d * d + covariance1[i * features + i] + covariance2[i * features + i];
        }

        double[] root = SymmetricEigen.SquareRoot(covariance1, features);
        double[] product = Multiply(Multiply(root, covariance2, features), root, features);
        foreach (double eigenvalue in SymmetricEigen.Decompose(product, features).Values)
            distance -= 2 * Math.Sqrt(Math.Max(0, eigenvalue));
        return Math.Max(0, distance);
    }

    private static (double[] Mean, double[] Covariance) Moments(ReadOnlySpan<float> rows, int features)
    {
        int count = rows.Length / features;
        if (count < 2) throw new ArgumentException("The Fréchet distance needs at least two images on each side.");
        var mean = new double[features];
        for (int i = 0; i < rows.Length; i++) mean[i % features] += rows[i] / (double)count;
        var covariance = new double[features * features];
        var centered = new double[features];
        for (int n = 0; n < count; n++)
        {
            for (int i = 0; i < features; i++) centered[i] = rows[n * features + i] - mean[i];
            for (int i = 0; i < features; i++) Cholesky.AddScaled(covariance.AsSpan(i * features, features), centered[i] / (count - 1), centered);
        }

        return (mean, covariance);
    }

    private static double[] Multiply(double[] a, double[] b, int n)
    {
        var c = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < n; k++) Cholesky.AddScaled(c.AsSpan(i * n, n), a[i * n + k], b.AsSpan(k * n, n));
        }

        return c;
    }
}
