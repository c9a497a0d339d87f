namespace Specializer.Reporting;

/// <summary>A chart's axis: values to pixels, and ticks at round numbers.</summary>
internal sealed class ChartScale
{
    private readonly double _low, _high, _from, _to;

    /// <param name="values">What the axis must hold; what is not finite is left out.</param>
    /// <param name="from">Pixel of the lowest value.</param>
    /// <param name="to">Pixel of the highest value.</param>
    public ChartScale(IEnumerable<double> values, double from, double to)
    {
        double[] finite = [.. values.Where(double.IsFinite)];
        double low = finite.Length == 0 ? 0 : finite.Min(), high = finite.Length == 0 ? 1 : finite.Max();
        // A constant still needs an axis with a length.
        if (high - low <= 1e-12 * Math.Max(Math.Abs(high), Math.Abs(low))) (low, high) = low == 0 ? (0, 1) : (low - Math.Abs(low) / 2, high + Math.Abs(high) / 2);
        double step = RoundStep((high - low) / 4);
        (_low, _high) = (Math.Floor(low / step + 1e-9) * step, Math.Ceiling(high / step - 1e-9) * step);
        (_from, _to) = (from, to);
        int ticks = (int)Math.Round((_high - _low) / step);
        // Multiples of the step, so that 0.1 + 0.2 does not become a label.
        double first = Math.Round(_low / step);
        Ticks = [.. Enumerable.Range(0, ticks + 1).Select(i => (first + i) * step)];
        int decimals = Math.Max(0, -(int)Math.Floor(Math.Log10(step) + 1e-9));
        Format = decimals == 0 ? "0" : $"0.{new string('0', decimals)}";
    }

    /// <summary>Round numbers across the axis.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>Shows the ticks apart.</summary>
    public string Format { get; }

    /// <summary>Pixel of a value.</summary>
    public double this[double value] => _from + (value - _low) / (_high - _low) * (_to - _from);

    /// <summary>The smallest of 1, 2 and 5 times a power of ten that is at least <paramref name="atLeast"/>.</summary>
    private static double RoundStep(double atLeast)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(atLeast)));
        double mantissa = atLeast / power;
        return power * (mantissa <= 1 ? 1 : mantissa <= 2 ? 2 : mantissa <= 5 ? 5 : 10);
    }
}
