using System.CommandLine;
using System.Globalization;

namespace Specializer.Benchmarks.Commands;

/// <summary>Limits of options that are numbers.</summary>
internal static class OptionLimits
{
    /// <summary>Refuses numbers below 1; what is no number the parser reports by itself.</summary>
    public static void RequirePositive(this Option option) => option.Validators.Add(result =>
    {
        if (result.Tokens.Any(t => long.TryParse(t.Value, CultureInfo.InvariantCulture, out long number) && number < 1)) result.AddError($"{option.Name} must be at least 1.");
    });
}
