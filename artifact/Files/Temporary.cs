namespace Specializer.Formats;

/// <summary>Names of what is written beside its place first: the place's name, 32 hexadecimal digits, <c>.tmp</c>.</summary>
internal static class Temporary
{
    private const string Ending = ".tmp";
    private const int Digits = 32;

    /// <summary>A new name.</summary>
    public static string Beside(string target) => $"{target}.{Guid.NewGuid():N}{Ending}";

    /// <summary>What a path is a temporary name of; null of any other path, which may be a person's.</summary>
    public static string? TargetOf(string path)
    {
        int point = path.Length - Ending.Length - Digits - 1;
        return point > 0 && path[point] == '.' && path.EndsWith(Ending, StringComparison.Ordinal) && Guid.TryParseExact(path.Substring(point + 1, Digits), "N", out _) ? path.Substring(0, point) : null;
    }

    /// <summary>Tidies up; its failure is not worth reporting: what brought us here is.</summary>
    public static void Try(Action tidy)
    {
        try
        {
            tidy();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
