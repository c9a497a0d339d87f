using System.CommandLine;
using System.Globalization;

namespace Specializer.Tool;

/// <summary>An option with a finite number. A comma is an error: the parser's own conversion takes it for a separator of thousands, and 0,001 for 1.</summary>
internal static class Number
{
    /// <param name="name">With its dashes.</param>
    /// <param name="description">For help.</param>
    /// <param name="absent">When the option is not given.</param>
    public static Option<double> Create(string name, string description, double absent) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => absent,
        CustomParser = result =>
        {
            if (TryParse(result.Tokens.Single().Value, out double value)) return value;
            result.AddError($"{name} is '{result.Tokens.Single().Value}'; it must be a number like 0.5.");
            return absent;
        },
    };

    /// <summary>The same for a number that may be absent.</summary>
    public static Option<double?> Create(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = result =>
        {
            if (TryParse(result.Tokens.Single().Value, out double value)) return value;
            result.AddError($"{name} is '{result.Tokens.Single().Value}'; it must be a number like 0.5.");
            return null;
        },
    };

    /// <summary>A finite number with a point, whatever the culture.</summary>
    public static bool TryParse(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
}
