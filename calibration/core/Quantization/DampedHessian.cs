namespace Specializer.Calibration;

/// <summary>A diagonal block of a layer's damped H = R·Rᵀ.</summary>
/// <param name="First">Its first column.</param>
/// <param name="Size">Its columns.</param>
/// <param name="Hessian">Size×Size row-major.</param>
/// <param name="Factor">R in the upper triangle.</param>
internal sealed record HessianBlock(int First, int Size, double[] Hessian, double[] Factor);

/// <summary>What second-order rounding knows of a layer's inputs, for weights of any width: H, their covariance, in diagonal blocks, each damped and with its factor, and their mean.</summary>
/// <param name="Blocks">Of H.</param>
/// <param name="Mean">Of the columns.</param>
internal sealed record DampedHessian(HessianBlock[] Blocks, double[] Mean)
{
    private const double Damping = 0.01;

    /// <summary>Bytes of H and R.</summary>
    /// <param name="sizes">Of the blocks.</param>
    public static long Bytes(IEnumerable<int> sizes) => 2L * sizeof(double) * sizes.Sum(size => (long)size * size);

    /// <summary>That of a layer.</summary>
    /// <param name="inputs">Moments of its input columns, in weight order: diagonal blocks of H, all of as many columns.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <exception cref="ArgumentException">No columns were sampled.</exception>
    public static DampedHessian Of(IReadOnlyList<InputMoments> inputs, int threads)
    {
        if (inputs[0].Count == 0)
            throw new ArgumentException("Second-order rounding needs input columns and none were sampled. Calibrate with at least one trajectory, or round to nearest.", nameof(inputs));
        Garbage.Collect(Bytes(inputs.Select(i => i.Size))); // H and R of the layer before go first.
        var blocks = new HessianBlock[inputs.Count];
        for (int b = 0, first = 0; b < blocks.Length; first += inputs[b++].Size)
        {
            double[] hessian = inputs[b].Covariance();
            blocks[b] = new(first, inputs[b].Size, hessian, Damp(hessian, inputs[b].Size, threads));
        }

        return new(blocks, [.. inputs.SelectMany(i => i.Mean())]);
    }

    /// <summary>Damps H by a hundredth of its mean diagonal (which also settles columns that are always zero: they round to nearest) and returns its factor.</summary>
    private static double[] Damp(double[] hessian, int n, int threads)
    {
        double mean = 0;
        for (int j = 0; j < n; j++) mean += hessian[j * n + j] / n;
        if (!double.IsFinite(mean)) throw new ArgumentException("The layer's inputs are not finite; the model diverges on its own trajectories.");
        double damping = mean > 0 ? Damping * mean : 1;
        while (true)
        {
            for (int j = 0; j < n; j++) hessian[j * n + j] += damping;
            var factor = (double[])hessian.Clone();
            if (Cholesky.Factor(factor, n, threads)) return factor;
            damping *= 10;
        }
    }
}
