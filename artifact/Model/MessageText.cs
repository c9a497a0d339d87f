using System.Globalization;
using System.Text;

namespace Specializer.Manifest;

/// <summary>How texts of unknown origin appear in messages: none may steer a terminal, hide or reorder what stands around it, or flood it.</summary>
internal static class MessageText
{
    private const int NameLength = 60, SentenceLength = 600, MostLines = 200;

    /// <summary>A name or value in quotes, in printable ASCII and cut.</summary>
    public static string Quote(string s)
    {
        string cut = s.Length > NameLength ? s.Substring(0, NameLength) : s;
        return "'" + string.Concat(cut.Select(c => c is >= ' ' and <= '~' ? c.ToString() : Escape(c))) + (s.Length > NameLength ? "…'" : "'");
    }

    /// <summary>A sentence that holds such texts, in any script: invisible characters escaped, and cut in its middle, as its end says what to do.</summary>
    public static string Harmless(string s)
    {
        if (s.Length > SentenceLength) s = s.Substring(0, SentenceLength / 2) + "…" + s.Substring(s.Length - SentenceLength / 2);
        var text = new StringBuilder(s.Length);
        for (int i = 0; i < s.Length; i++)
        {
            // Half of a pair is no character: it has no place in a terminal or in a file of UTF-8.
            if (char.IsSurrogatePair(s, i)) text.Append(s, i++, 2);
            else if (IsVisible(s[i])) text.Append(s[i]);
            else text.Append(Escape(s[i]));
        }

        return text.ToString();
    }

    /// <summary>A message of several lines, each as <see cref="Harmless"/> gives it; many more than any of ours has are one.</summary>
    public static string HarmlessLines(string s) => string.Join("\n", s.Split(['\n'], MostLines).Select(line => Harmless(line.TrimEnd('\r'))));

    private static bool IsVisible(char c) => CharUnicodeInfo.GetUnicodeCategory(c) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned);

    private static string Escape(char c) => $"\\u{(int)c:X4}";
}
