namespace Specializer.Calibration;

/// <summary>Eigenvalues of a symmetric matrix: Householder reduction to tridiagonal form, then implicit QL (Golub and Van Loan, Matrix Computations, section 8.3).</summary>
internal static class SymmetricEigen
{
    private const int MaximumIterations = 100;

    /// <summary>The eigenvalues, in no particular order.</summary>
    /// <param name="matrix">n×n row-major, symmetric; not changed.</param>
    /// <param name="n">Size, at least 1.</param>
    public static double[] Values(ReadOnlySpan<double> matrix, int n)
    {
        var (diagonal, beside) = Tridiagonalize(matrix.ToArray(), n);
        // Below the rounding of the largest element nothing beside the diagonal counts; measured by its neighbours alone, it never would where eigenvalues are zero.
        double negligible = 0;
        for (int i = 0; i < n; i++) negligible = Math.Max(negligible, 1e-16 * (Math.Abs(diagonal[i]) + Math.Abs(beside[i])));
        for (int l = 0; l < n; l++)
        {
            for (int iteration = 0; ; iteration++)
            {
                int m = l;
                while (m < n - 1 && Math.Abs(beside[m]) > double.Epsilon + negligible) m++;
                if (m == l) break;
                if (iteration == MaximumIterations) throw new ArithmeticException("The eigenvalues do not converge; the matrix holds values that are not finite.");
                Sweep(diagonal, beside, l, m);
            }
        }

        return diagonal;
    }

    private static (double[] Diagonal, double[] Beside) Tridiagonalize(double[] a, int n)
    {
        var diagonal = new double[n];
        var beside = new double[n];
        var p = new double[n];
        for (int k = 0; k < n - 1; k++)
        {
            // v reflects the rest of row k onto its first element; what remains becomes A − v·wᵀ − w·vᵀ.
            int size = n - k - 1;
            Span<double> v = a.AsSpan(k * n + k + 1, size), w = p.AsSpan(0, size);
            diagonal[k] = a[k * n + k];
            double norm = Math.Sqrt(Cholesky.Dot(v, v));
            double head = v[0] > 0 ? -norm : norm;
            beside[k] = head;
            v[0] -= head;
            double square = Cholesky.Dot(v, v);
            if (square == 0) continue;
            for (int i = 0; i < size; i++) w[i] = 2 / square * Cholesky.Dot(a.AsSpan((k + 1 + i) * n + k + 1, size), v);
            Cholesky.AddScaled(w, -Cholesky.Dot(w, v) / square, v);
            for (int i = 0; i < size; i++)
            {
                Span<double> row = a.AsSpan((k + 1 + i) * n + k + 1, size);
                Cholesky.AddScaled(row, -v[i], w);
                Cholesky.AddScaled(row, -w[i], v);
            }
        }

        diagonal[n - 1] = a[n * n - 1];
        return (diagonal, beside);
    }

    /// <summary>One QL step with Wilkinson's shift on the block [l, m].</summary>
    private static void Sweep(double[] d, double[] e, int l, int m)
    {
        double g = (d[l + 1] - d[l]) / (2 * e[l]);
        g = d[m] - d[l] + e[l] / (g + Math.CopySign(double.Hypot(g, 1), g));
        double s = 1, c = 1, p = 0;
        for (int i = m - 1; i >= l; i--)
        {
            double f = s * e[i], b = c * e[i], r = double.Hypot(f, g);
            e[i + 1] = r;
            if (r == 0)
            {
                // The block falls apart here; the next sweep starts from the smaller one.
                d[i + 1] -= p;
                e[m] = 0;
                return;
            }

            (s, c) = (f / r, g / r);
            g = d[i + 1] - p;
            r = (d[i] - g) * s + 2 * c * b;
            p = s * r;
            d[i + 1] = g + p;
            g = c * r - b;
        }

        d[l] -= p;
        e[l] = g;
        e[m] = 0;
    }
}
