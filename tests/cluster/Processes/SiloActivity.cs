using System.Globalization;

namespace Specializer.Cluster.Tests;

/// <summary>An activity of a silo.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Begin">Its beginning, seconds since 1970.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Trace">Its trace.</param>
/// <param name="Span">Its own number there.</param>
/// <param name="Parent">That of the one it is a part of.</param>
/// <param name="Linked">That of another which it is done for; <c>-</c> for none.</param>
internal readonly record struct SiloActivity(string Name, double Begin, double Seconds, string Trace, string Span, string Parent, string Linked)
{
    public double End => Begin + Seconds;

    public static SiloActivity Parse(string line)
    {
        string[] words = line.Split(' ');
        return new(words[1], double.Parse(words[2], CultureInfo.InvariantCulture), double.Parse(words[3], CultureInfo.InvariantCulture), words[4], words[5], words[6], words[7]);
    }
}
