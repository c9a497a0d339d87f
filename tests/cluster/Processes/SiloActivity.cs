using System.Globalization;

namespace Specializer.Cluster.Tests;

/// <summary>An activity of a silo.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Begin">Its beginning, seconds since 1970.</param>
/// <param name="Seconds">How long it took.</param>
internal readonly record struct SiloActivity(string Name, double Begin, double Seconds)
{
    public double End => Begin + Seconds;

    public static SiloActivity Parse(string line)
    {
        string[] words = line.Split(' ');
        return new(words[1], double.Parse(words[2], CultureInfo.InvariantCulture), double.Parse(words[3], CultureInfo.InvariantCulture));
    }
}
