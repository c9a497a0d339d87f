using System.Runtime.Intrinsics;

namespace Specializer.Calibration;

/// <summary>Eigenvalues and eigenvectors of a symmetric matrix, by cyclic Jacobi rotations: simple, accurate, and fixed in its order.</summary>
internal static class SymmetricEigen
{
    private const int MaximumSweeps = 60;

    /// <summary>A = V·diag(values)·Vᵀ.</summary>
    /// <param name="matrix">n×n row-major, symmetric; not changed.</param>
    /// <param name="n">Size.</param>
    /// <returns>Eigenvalues, and the eigenvectors as rows [eigenvalue, element].</returns>
    public static (double[] Values, double[] Vectors) Decompose(ReadOnlySpan<double> matrix, int n)
    {
        double[] a = matrix.ToArray();
        var vectors = new double[n * n];
        double scale = 0;
        for (int i = 0; i < n; i++) vectors[i * n + i] = 1;
        foreach (double x in a) scale += x * x;
        for (int sweep = 0; sweep < MaximumSweeps; sweep++)
        {
            double off = 0;
            for (int p = 0; p < n; p++)
            {
                for (int q = p + 1; q < n; q++) off += a[p * n + q] * a[p * n + q];
            }

            if (off <= 1e-26 * scale) break;
            for (int p = 0; p < n; p++)
            {
                for (int q = p + 1; q < n; q++) Rotate(a, vectors, n, p, q);
            }
        }

        var values = new double[n];
        for (int i = 0; i < n; i++) values[i] = a[i * n + i];
        return (values, vectors);
    }

    /// <summary>Square root of a positive semidefinite matrix; eigenvalues that rounding made negative count as 0.</summary>
    public static double[] SquareRoot(ReadOnlySpan<double> matrix, int n)
    {
        var (values, vectors) = Decompose(matrix, n);
        var root = new double[n * n];
        for (int e = 0; e < n; e++)
        {
            double r = Math.Sqrt(Math.Max(0, values[e]));
            ReadOnlySpan<double> vector = vectors.AsSpan(e * n, n);
            for (int i = 0; i < n; i++) Cholesky.AddScaled(root.AsSpan(i * n, n), r * vector[i], vector);
        }

        return root;
    }

    private static void Rotate(double[] a, double[] vectors, int n, int p, int q)
    {
        double pivot = a[p * n + q];
        if (pivot == 0) return;
        double theta = (a[q * n + q] - a[p * n + p]) / (2 * pivot);
        double t = Math.CopySign(1, theta) / (Math.Abs(theta) + Math.Sqrt(theta * theta + 1));
        double c = 1 / Math.Sqrt(t * t + 1), s = t * c;
        // Rows first, contiguous; the columns follow by symmetry.
        Mix(a.AsSpan(p * n, n), a.AsSpan(q * n, n), c, s);
        double app = a[p * n + p], apq = a[p * n + q], aqp = a[q * n + p], aqq = a[q * n + q];
        a[p * n + p] = c * app - s * apq;
        a[q * n + q] = s * aqp + c * aqq;
        a[p * n + q] = a[q * n + p] = 0;
        for (int k = 0; k < n; k++)
        {
            if (k == p || k == q) continue;
            a[k * n + p] = a[p * n + k];
            a[k * n + q] = a[q * n + k];
        }

        Mix(vectors.AsSpan(p * n, n), vectors.AsSpan(q * n, n), c, s);
    }

    /// <summary>(p, q) becomes (c·p − s·q, s·p + c·q), elementwise: the vector form computes the same as the rest that is left over.</summary>
    private static void Mix(Span<double> p, Span<double> q, double c, double s)
    {
        int k = 0;
        for (; k <= p.Length - Vector512<double>.Count; k += Vector512<double>.Count)
        {
            Vector512<double> x = Vector512.Create<double>(p[k..]), y = Vector512.Create<double>(q[k..]);
            (c * x - s * y).CopyTo(p[k..]);
            (s * x + c * y).CopyTo(q[k..]);
        }

        for (; k < p.Length; k++) (p[k], q[k]) = (c * p[k] - s * q[k], s * p[k] + c * q[k]);
    }
}
