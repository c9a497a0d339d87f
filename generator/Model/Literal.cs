using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Generator.Model;

/// <summary>Values as C# literals, whatever the culture of the machine: fi-FI writes −1 with U+2212.</summary>
internal static class Literal
{
    public static string Int(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Hex(byte value) => "0x" + value.ToString("x2", CultureInfo.InvariantCulture);

    /// <summary>JSON's number grammar is a subset of what C# accepts before a suffix, so the token stands as it is.</summary>
    public static string Float(Number number) => number.Token + "f";

    public static string Double(Number number) => number.Token + "d";

    public static string Bool(bool value) => value ? "true" : "false";

    public static string Floats(IEnumerable<Number> numbers) => "[" + string.Join(", ", numbers.Select(Float)) + "]";
}
