namespace Specializer.Calibration;

/// <summary>β_t and ᾱ_t = Π(1−β) over the training timesteps, in single precision as diffusers holds them.</summary>
internal static class Betas
{
    /// <summary>β of a schedule.</summary>
    public static float[] Of(BetaSchedule schedule, double start, double end, int timesteps) => schedule switch
    {
        BetaSchedule.Linear => Linspace((float)start, (float)end, timesteps),
        BetaSchedule.ScaledLinear => Array.ConvertAll(Linspace((float)Math.Sqrt(start), (float)Math.Sqrt(end), timesteps), x => x * x),
        BetaSchedule.SquaredCosine => Of(s => Math.Pow(Math.Cos((s + 0.008) / 1.008 * Math.PI / 2), 2), timesteps),
        BetaSchedule.Exponential => Of(s => Math.Exp(-12 * s), timesteps),
        _ => Array.ConvertAll(Linspace(-6, 6, timesteps), x => (float)(1 / (1 + Math.Exp(-x))) * (float)(end - start) + (float)start),
    };

    /// <summary>Algorithm 1 of Lin et al. 2024: shift and scale √ᾱ so that the last is 0 and the first stays.</summary>
    public static float[] RescaledToZeroSnr(float[] betas)
    {
        float[] roots = Array.ConvertAll(AlphaBars(betas), MathF.Sqrt);
        float first = roots[0], last = roots[^1];
        float[] squares = Array.ConvertAll(roots, r =>
        {
            float root = (r - last) * (first / (first - last));
            return root * root;
        });
        return [.. squares.Select((square, i) => 1 - (i == 0 ? square : square / squares[i - 1]))];
    }

    /// <summary>ᾱ; torch accumulates single-precision products in double precision and rounds each result.</summary>
    public static float[] AlphaBars(float[] betas)
    {
        double product = 1;
        return Array.ConvertAll(betas, b => (float)(product *= 1 - b));
    }

    /// <summary>From ᾱ over the share of the timesteps.</summary>
    private static float[] Of(Func<double, double> alphaBar, int timesteps) =>
        [.. Enumerable.Range(0, timesteps).Select(i => (float)Math.Min(1 - alphaBar((i + 1) / (double)timesteps) / alphaBar(i / (double)timesteps), 0.999))];

    // Counted from both ends, as torch does, so that the last number is exactly the end.
    private static float[] Linspace(float start, float end, int count)
    {
        var values = new float[count];
        float stride = count > 1 ? (end - start) / (count - 1) : 0;
        for (int i = 0; i < count; i++) values[i] = i < count / 2 || count == 1 ? start + stride * i : end - stride * (count - 1 - i);
        return values;
    }
}
