namespace Specializer.Calibration;

/// <summary>Fréchet distance of two sets of features taken as Gaussians: |m₁ − m₂|² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½).</summary>
/// <remarks>With Σ₁ = R·Rᵀ, tr (Σ₁Σ₂)^½ is the sum of the roots of the eigenvalues of the symmetric RᵀΣ₂R. Covariances divide by n − 1. The distance of small samples is biased
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

        foreach (double eigenvalue in SymmetricEigen.Values(Congruent(Root(covariance1, features), covariance2, features), features))
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

    /// <summary>Upper triangular R with R·Rᵀ = Σ. A covariance of fewer images than features is singular: a trifle on the diagonal, far below the
    /// distance's own sampling error, makes it definite.</summary>
    private static double[] Root(double[] covariance, int n)
    {
        double trace = 0;
        for (int i = 0; i < n; i++) trace += covariance[i * n + i];
        for (double share = 1e-14; share < 1e-6; share *= 10)
        {
            var root = (double[])covariance.Clone();
            for (int i = 0; i < n; i++) root[i * n + i] += Math.Max(share * trace, double.Epsilon);
            if (!Cholesky.Factor(root, n)) continue;
            for (int i = 0; i < n; i++) root.AsSpan(i * n, i).Clear();
            return root;
        }

        return trace == 0 ? new double[n * n] : throw new ArgumentException("The features are not finite.");
    }

    /// <summary>RᵀSR.</summary>
    private static double[] Congruent(double[] r, double[] s, int n)
    {
        double[] product = new double[n * n], result = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < n; k++) Cholesky.AddScaled(product.AsSpan(i * n, n), s[i * n + k], r.AsSpan(k * n, n));
        }

        for (int k = 0; k < n; k++)
        {
            for (int i = k; i < n; i++) Cholesky.AddScaled(result.AsSpan(i * n, n), r[k * n + i], product.AsSpan(k * n, n));
        }

        return result;
    }
}
