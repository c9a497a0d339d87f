namespace Specializer.Schedulers;

/// <summary>β_t and ᾱ_t = Π(1−β) over the training timesteps, in single precision as diffusers holds them.</summary>
public sealed class NoiseSchedule
{
    private readonly float[] _betas;
    private readonly float[] _alphaBars;

    private NoiseSchedule(float[] betas)
    {
        _betas = betas;
        _alphaBars = CumulativeProduct(Array.ConvertAll(betas, b => 1 - b));
    }

    /// <summary>β_t, t from 0.</summary>
    public ReadOnlySpan<float> Betas => _betas;

    /// <summary>ᾱ_t, t from 0.</summary>
    public ReadOnlySpan<float> AlphaBars => _alphaBars;

    /// <summary>Computes the schedule of a configuration.</summary>
    /// <param name="configuration">Its schedule, bounds and number of timesteps count.</param>
    /// <exception cref="ArgumentException">No schedule, or another number of trained β than timesteps.</exception>
    public static NoiseSchedule Create(SchedulerConfiguration configuration)
    {
        var steps = configuration.TrainTimesteps;
        var (start, end) = (configuration.BetaStart, configuration.BetaEnd);
        float[] betas = configuration switch
        {
            { TrainedBetas: { } trained } => trained.Count == steps ? [.. trained]
                : throw new ArgumentException($"There are {trained.Count} trained β for {steps} timesteps; each has its own.", nameof(configuration)),
            { BetaSchedule: BetaSchedule.Linear } => Linspace((float)start, (float)end, steps),
            { BetaSchedule: BetaSchedule.ScaledLinear } => Array.ConvertAll(Linspace((float)Math.Sqrt(start), (float)Math.Sqrt(end), steps), x => x * x),
            { BetaSchedule: BetaSchedule.SquaredCosine } => SquaredCosine(steps),
            { BetaSchedule: BetaSchedule.Sigmoid } => Array.ConvertAll(Linspace(-6, 6, steps), x => Sigmoid(x) * (float)(end - start) + (float)start),
            _ => throw new ArgumentException($"Unknown schedule {configuration.BetaSchedule}.", nameof(configuration)),
        };
        return new(configuration.RescaleBetasZeroSnr ? RescaleToZeroSnr(betas) : betas);
    }

    // Counted from both ends, as torch does, so that the last number is exactly the end.
    private static float[] Linspace(float start, float end, int count)
    {
        var values = new float[count];
        var stride = count > 1 ? (end - start) / (count - 1) : 0;
        for (var i = 0; i < count; i++)
            values[i] = i < count / 2 || count == 1 ? start + stride * i : end - stride * (count - 1 - i);
        return values;
    }

    private static float[] SquaredCosine(int steps)
    {
        static double AlphaBar(double s) => Math.Pow(Math.Cos((s + 0.008) / 1.008 * Math.PI / 2), 2);
        var betas = new float[steps];
        for (var i = 0; i < steps; i++)
            betas[i] = (float)Math.Min(1 - AlphaBar((i + 1) / (double)steps) / AlphaBar(i / (double)steps), 0.999);
        return betas;
    }

    private static float Sigmoid(float x) => (float)(1 / (1 + Math.Exp(-x)));

    /// <summary>Algorithm 1 of Lin et al. 2024: shift and scale √ᾱ so that the last is 0 and the first stays.</summary>
    private static float[] RescaleToZeroSnr(float[] betas)
    {
        var roots = Array.ConvertAll(CumulativeProduct(Array.ConvertAll(betas, b => 1 - b)), MathF.Sqrt);
        var (first, last) = (roots[0], roots[^1]);
        var squares = Array.ConvertAll(roots, r =>
        {
            var root = (r - last) * (first / (first - last));
            return root * root;
        });
        return [.. squares.Select((square, i) => 1 - (i == 0 ? square : square / squares[i - 1]))];
    }

    // torch accumulates single-precision products in double precision and rounds each result.
    private static float[] CumulativeProduct(float[] values)
    {
        var product = 1.0;
        return Array.ConvertAll(values, v => (float)(product *= v));
    }
}
