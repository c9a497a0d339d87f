using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Manifest numbers as generated code sees them.</summary>
internal static class Numbers
{
    /// <summary>The token read as FP32 in one rounding, as the compiler reads <c>0.1f</c>; by way of FP64 there would be two.</summary>
    public static float Single(this Number number) => float.Parse(number.Token, NumberStyles.Float, CultureInfo.InvariantCulture);
}
