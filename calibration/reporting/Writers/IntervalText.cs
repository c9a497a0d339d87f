using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>Figures with their intervals, as text.</summary>
internal static class IntervalText
{
    private const string Unknown = "[too few for an interval]";

    /// <summary>A change, with its sign.</summary>
    /// <param name="i">The change.</param>
    /// <param name="format">Of its numbers, like 0.00.</param>
    /// <param name="unit">Behind the value; with a space before it.</param>
    public static string Change(Interval i, string format, string unit)
    {
        string bound = $"{format};−{format};{format}";
        return $"{Number(i.Value, $"+{bound}")}{unit} {(IsKnown(i) ? $"[{Number(i.Low, bound)}, {Number(i.High, bound)}]" : Unknown)}";

        static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>A figure in dB.</summary>
    public static string Decibels(Interval i) => i.Value == double.PositiveInfinity ? "equal"
        : string.Create(CultureInfo.InvariantCulture, $"{i.Value:0.0} {(IsKnown(i) ? string.Create(CultureInfo.InvariantCulture, $"[{i.Low:0.0}, {i.High:0.0}]") : Unknown)}");

    private static bool IsKnown(Interval i) => !double.IsNegativeInfinity(i.Low) || !double.IsPositiveInfinity(i.High);
}
