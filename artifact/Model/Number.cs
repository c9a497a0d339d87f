using System.Globalization;

namespace Specializer.Manifest;

/// <summary>A number as it stands in the manifest. Generated code prints the token itself, so that no culture and no second rounding can touch it; arithmetic uses
/// the parsed value. Calibration computes in FP64, which becomes a number without a word and is rounded once, when it is written.</summary>
internal readonly struct Number : IEquatable<Number>
{
    private readonly string? _token;

    /// <param name="token">A token that matches JSON's number grammar and is finite as FP64.</param>
    public Number(string token)
    {
        _token = token;
        Value = double.Parse(token, NumberStyles.Float, CultureInfo.InvariantCulture);
        Single = float.Parse(token, NumberStyles.Float, CultureInfo.InvariantCulture);
    }

    private Number(string token, double value) => (_token, Value, Single) = (token, value, (float)value);

    public string Token => _token ?? "0";

    public double Value { get; }

    /// <summary>The token in FP32, rounded once, as the compiler reads <c>0.1f</c>; by way of FP64 there would be two.</summary>
    public float Single { get; }

    public static implicit operator Number(double value) => new(value.ToString("R", CultureInfo.InvariantCulture), value);

    public static implicit operator double(Number number) => number.Value;

    public static explicit operator float(Number number) => number.Single;

    /// <summary>The shortest token that reads back as the same FP32 value.</summary>
    public static Number From(float value) =>
        float.IsNaN(value) || float.IsInfinity(value)
            ? throw new ArgumentOutOfRangeException(nameof(value), value, "Only finite numbers can be written to a manifest.")
            : new(value.ToString("R", CultureInfo.InvariantCulture));

    public bool Equals(Number other) => string.Equals(Token, other.Token, StringComparison.Ordinal);

    public override bool Equals(object? obj) => obj is Number other && Equals(other);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Token);

    public override string ToString() => Token;
}
