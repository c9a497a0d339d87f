namespace Specializer.Benchmarks.Report;

/// <summary>A document whose measured sections stand between <c>&lt;!-- NAME --&gt;</c> and <c>&lt;!-- /NAME --&gt;</c>; the text around them is written by people.</summary>
internal static class PerformanceDocument
{
    /// <exception cref="InvalidDataException">The document does not have the section.</exception>
    public static void Replace(string path, string section, string content)
    {
        string text = File.ReadAllText(path), begin = $"<!-- {section} -->\n", end = $"<!-- /{section} -->";
        int first = text.IndexOf(begin, StringComparison.Ordinal), last = text.IndexOf(end, StringComparison.Ordinal);
        if (first < 0 || last < first)
            throw new InvalidDataException($"'{path}' has no section between '{begin.TrimEnd()}' and '{end}', into which the measurement belongs. Add the two lines.");
        File.WriteAllText(path, text[..(first + begin.Length)] + "\n" + content.Trim() + "\n\n" + text[last..]);
    }
}
