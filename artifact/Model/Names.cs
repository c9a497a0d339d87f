namespace Specializer.Manifest;

/// <summary>Which texts of a manifest are allowed. Everything that can reach generated source or a file system passes one of these.</summary>
internal static class Names
{
    public const int MaximumLength = 200;

    /// <summary>Maps and operations: letters, digits, '_' and '.'.</summary>
    public static bool IsModulePath(string s) => IsMadeOf(s, "_.");

    /// <summary>The model: letters, digits, '-' and '_'.</summary>
    public static bool IsModelName(string s) => IsMadeOf(s, "-_");

    /// <summary>Whether it may name a family of schedulers: <c>dpmsolver++</c>.</summary>
    public static bool IsFamily(string s) => IsMadeOf(s, "-_+");

    /// <summary>Class names and settings of the source library: letters, digits and '_'.</summary>
    public static bool IsIdentifier(string s) => IsMadeOf(s, "_");

    /// <summary>A bare file name: letters, digits, '-', '_' and '.', no leading or trailing dot, no "..", and none that means a device on Windows.</summary>
    public static bool IsFileName(string s) =>
        IsMadeOf(s, "-_.") && s[0] != '.' && s[s.Length - 1] != '.' && s.IndexOf("..", StringComparison.Ordinal) < 0 && !IsDevice(s);

    public static bool IsSha256(string s) => s.Length == 64 && s.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f');

    /// <inheritdoc cref="MessageText.Quote"/>
    public static string Quote(string s) => MessageText.Quote(s);

    /// <summary>The candidate that was probably meant, or null.</summary>
    public static string? Nearest(string name, IEnumerable<string> candidates)
    {
        if (name.Length > MaximumLength) return null;
        string? best = null;
        int bestDistance = int.MaxValue;
        // Enough for the networks there are; a hostile one has thousands of long names, and every pair costs the product of its lengths.
        long work = 1 << 22;
        foreach (string candidate in candidates)
        {
            if ((work -= (long)name.Length * candidate.Length) < 0) break;
            int distance = Distance(name.ToUpperInvariant(), candidate.ToUpperInvariant());
            if (distance >= bestDistance || distance > Math.Max(1, candidate.Length / 3)) continue;
            best = candidate;
            bestDistance = distance;
        }

        return best;
    }

    // With any extension, too.
    private static bool IsDevice(string s)
    {
        string stem = s.Split('.')[0].ToUpperInvariant();
        return stem is "CON" or "PRN" or "AUX" or "NUL"
            || (stem.Length == 4 && stem[3] is >= '0' and <= '9' && (stem.StartsWith("COM", StringComparison.Ordinal) || stem.StartsWith("LPT", StringComparison.Ordinal)));
    }

    private static bool IsMadeOf(string s, string extra) =>
        s.Length is > 0 and <= MaximumLength && s.All(c => c is >= 'a' and <= 'z' or >= 'A' and <= 'Z' or >= '0' and <= '9' || extra.IndexOf(c) >= 0);

    // Levenshtein's, one row at a time.
    private static int Distance(string a, string b)
    {
        int[] row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
