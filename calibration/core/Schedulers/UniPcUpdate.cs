namespace Specializer.Calibration;

/// <summary>The formulas of UniPC: over h = λ′ − λ, with hh = −h for predicted originals and h for predicted noise,
/// x′ = A·x − c·(e^hh − 1)·m₀ − c·B·Σ ρₖ·(mₖ − m₀)/rₖ, where c is α′ or σ′, A is σ′/σ or α′/α, B is hh or e^hh − 1, rₖ = (λₖ − λ)/h, and the ρₖ solve Σ ρₖ·rₖ^(j−1) = bⱼ.</summary>
/// <param name="Path">The levels.</param>
/// <param name="FromData">Whether predictions are originals.</param>
/// <param name="BFirst">Whether B is hh.</param>
internal sealed record UniPcUpdate(SigmaPath Path, bool FromData, bool BFirst)
{
    /// <summary>From the state at an evaluation to the next level, by the predictions kept.</summary>
    public LinearForm Predict(LinearForm state, PredictionHistory history, int evaluation, int order)
    {
        var (next, scale, b, ratios, differences) = Base(state, history, evaluation, order);
        // Of the second order the weight is ½ by definition; the system would give it up to a term of third order.
        double[] weights = order == 2 ? [0.5] : Solve(ratios, b[..(order - 1)]);
        for (int k = 0; k < order - 1; k++) next -= scale * weights[k] * differences[k];
        return next;
    }

    /// <summary>From the state before the step that led to an evaluation to its level, now with the prediction made there.</summary>
    public LinearForm Correct(LinearForm before, LinearForm latest, PredictionHistory history, int evaluation, int order)
    {
        var (next, scale, b, ratios, differences) = Base(before, history, evaluation - 1, order);
        double[] weights = order == 1 ? [0.5] : Solve([.. ratios, 1], b);
        for (int k = 0; k < order - 1; k++) next -= scale * weights[k] * differences[k];
        return next - scale * weights[^1] * (latest - history[0]);
    }

    private (LinearForm Next, double Scale, double[] B, double[] Ratios, LinearForm[] Differences) Base(
        LinearForm state, PredictionHistory history, int from, int order)
    {
        double h = Lambda(from + 1) - Lambda(from), shrink = (double)Path.Ratios[from + 1] / Path.Ratios[from];
        NoiseLevel source = NoiseLevel.OfRatio(Path.Ratios[from]), target = NoiseLevel.OfRatio(Path.Ratios[from + 1]);
        double hh = FromData ? -h : h, phi1 = FromData ? shrink - 1 : 1 / shrink - 1, scale = FromData ? target.Alpha : target.Sigma;
        double bh = BFirst ? hh : phi1;
        double[] b = new double[order];
        double phi = phi1 / hh - 1, factorial = 1;
        for (int j = 1; j <= order; j++)
        {
            b[j - 1] = phi * factorial / bh;
            factorial *= j + 1;
            phi = phi / hh - 1 / factorial;
        }

        LinearForm latest = history[0];
        double[] ratios = [.. Enumerable.Range(1, order - 1).Select(k => (Lambda(from - k) - Lambda(from)) / h)];
        LinearForm[] differences = [.. ratios.Select((r, k) => (history[k + 1] - latest) / r)];
        LinearForm next = (FromData ? target.Sigma / source.Sigma : target.Alpha / source.Alpha) * state - scale * phi1 * latest;
        return (next, scale * bh, b, ratios, differences);
    }

    private double Lambda(int evaluation) => DpmUpdate.Lambda(Path.Ratios[evaluation]);

    /// <summary>ρ of Σₖ ρₖ·rₖ^(j−1) = bⱼ, by Lagrange's polynomials: their coefficients are the rows of the inverse.</summary>
    private static double[] Solve(double[] r, double[] b)
    {
        double[] solution = new double[r.Length];
        for (int k = 0; k < r.Length; k++)
        {
            double[] polynomial = [1];
            foreach (double other in r.Where((_, j) => j != k))
            {
                double[] product = new double[polynomial.Length + 1];
                for (int i = 0; i < polynomial.Length; i++)
                {
                    product[i + 1] += polynomial[i] / (r[k] - other);
                    product[i] -= polynomial[i] * other / (r[k] - other);
                }

                polynomial = product;
            }

            for (int i = 0; i < polynomial.Length; i++) solution[k] += polynomial[i] * b[i];
        }

        return solution;
    }
}
