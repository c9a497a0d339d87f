using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Specializer.Calibration;

/// <summary>H = R·Rᵀ with R upper triangular: the factor that second-order rounding needs, because row i of R says how an error made in
/// column i reaches the columns after it.</summary>
/// <remarks>The usual formulation takes the upper Cholesky factor U of H⁻¹ = UᵀU; U = R⁻¹, so neither inverse is formed here.
/// Every sum has a fixed order: the result does not depend on threads or on the vector width of the machine.</remarks>
internal static class Cholesky
{
    private const int Block = 64;

    /// <summary>Replaces the upper triangle of a symmetric matrix by R.</summary>
    /// <param name="h">n×n row-major; only the upper triangle is read and written.</param>
    /// <param name="n">Size.</param>
    /// <param name="threads">Threads to use.</param>
    /// <returns>False when the matrix is not positive definite; its content is then lost.</returns>
    public static bool Factor(double[] h, int n, int threads = 1)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads };
        for (int end = n; end > 0;)
        {
            int start = Math.Max(0, end - Block), right = end;
            // What the finished columns to the right explain is taken out of all rows of this block of columns.
            Parallel.For(0, right, options, i =>
            {
                ReadOnlySpan<double> row = h.AsSpan(i * n + right, n - right);
                for (int j = Math.Max(i, start); j < right; j++)
                    h[i * n + j] -= Dot(row, h.AsSpan(j * n + right, n - right));
            });
            for (int j = right - 1; j >= start; j--)
            {
                double pivot = h[j * n + j] - Dot(h.AsSpan(j * n + j + 1, right - j - 1), h.AsSpan(j * n + j + 1, right - j - 1));
                if (!(pivot > 0) || !double.IsFinite(pivot)) return false;
                h[j * n + j] = Math.Sqrt(pivot);
                for (int i = start; i < j; i++) Solve(h, n, i, j, right);
            }

            Parallel.For(0, start, options, i =>
            {
                for (int j = right - 1; j >= start; j--) Solve(h, n, i, j, right);
            });
            end = start;
        }

        return true;
    }

    /// <summary>Solves R·Rᵀ·x = b.</summary>
    /// <param name="factor">R in the upper triangle of n×n.</param>
    /// <param name="n">Size.</param>
    /// <param name="x">Holds b; receives x.</param>
    public static void Solve(double[] factor, int n, Span<double> x)
    {
        for (int i = n - 1; i >= 0; i--) x[i] = (x[i] - Dot(factor.AsSpan(i * n + i + 1, n - i - 1), x[(i + 1)..])) / factor[i * n + i];
        for (int i = 0; i < n; i++)
        {
            x[i] /= factor[i * n + i];
            AddScaled(x[(i + 1)..], -x[i], factor.AsSpan(i * n + i + 1, n - i - 1));
        }
    }

    private static void Solve(double[] h, int n, int i, int j, int right)
    {
        double rest = h[i * n + j] - Dot(h.AsSpan(i * n + j + 1, right - j - 1), h.AsSpan(j * n + j + 1, right - j - 1));
        h[i * n + j] = rest / h[j * n + j];
    }

    /// <summary>Σ a·b. Eight lanes, each with its own fused sum over every eighth element; a machine with narrower vectors computes the same lanes.</summary>
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ref double first = ref MemoryMarshal.GetReference(a);
        ref double second = ref MemoryMarshal.GetReference(b[..a.Length]);
        Vector512<double> sum0 = default, sum1 = default;
        int i = 0;
        for (; i <= a.Length - 16; i += 16)
        {
            sum0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref first, (nuint)i), Vector512.LoadUnsafe(ref second, (nuint)i), sum0);
            sum1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref first, (nuint)i + 8), Vector512.LoadUnsafe(ref second, (nuint)i + 8), sum1);
        }

        Span<double> lanes = stackalloc double[8];
        (sum0 + sum1).CopyTo(lanes);
        double sum = 0;
        foreach (double lane in lanes) sum += lane;
        for (; i < a.Length; i++) sum = Math.FusedMultiplyAdd(a[i], b[i], sum);
        return sum;
    }

    /// <summary>y += factor·x, elementwise and fused.</summary>
    public static void AddScaled(Span<double> y, double factor, ReadOnlySpan<double> x)
    {
        ref double to = ref MemoryMarshal.GetReference(y);
        ref double from = ref MemoryMarshal.GetReference(x[..y.Length]);
        Vector512<double> f = Vector512.Create(factor);
        int i = 0;
        for (; i <= y.Length - 8; i += 8)
            Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref from, (nuint)i), Vector512.LoadUnsafe(ref to, (nuint)i)).StoreUnsafe(ref to, (nuint)i);
        for (; i < y.Length; i++) y[i] = Math.FusedMultiplyAdd(factor, x[i], y[i]);
    }
}
