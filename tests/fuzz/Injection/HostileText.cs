namespace Specializer.Fuzz;

/// <summary>Texts that would be something else in C#, in a comment, in XML, in a file of the compiler or in a terminal.</summary>
internal static class HostileText
{
    private static readonly string[] s_fragments =
    [
        "\"", "\\", "\"\"\"", "\n", "\r", "\u0085", "\u2028", "\u2029", "*/", "/*", "//", "///", "</summary>", "<summary>", "]]>", "<![CDATA[", "&lt;", "&", "<", ">", "{", "}", "{0}", "$\"", "@", "@\"", "'", ";", "(", ")",
        "#pragma warning disable", "\n#if false\n", "#line 1", "#error x\n", "\0", "\u001b[31m", "\u202e", "\u200d", "\u00ad", "\ufeff", "\ud800", "\udc00", "\ud83d\ude00", "e\u0301", "é", "class", "int", "global::", "System", "Specializer", "\\u0022", "\\",
        "\" + System.Environment.Exit(3) + \"", "*/ static int X = F(); /*", "a.b", "_", "..", ".", "0", "9lives", "name", "Load", "Dispose", "x", "A", "a_b", "aB", "é.ü", "\t", " ", "%s", "$(PATH)", "CON", "../../x",
    ];

    /// <summary>Up to five fragments; now and then very long.</summary>
    public static string Of(Random random)
    {
        string text = string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => s_fragments[random.Next(s_fragments.Length)]));
        return random.Next(40) == 0 ? string.Concat(Enumerable.Repeat(text, 200)) : text;
    }

    /// <summary>What names of modules may consist of, in orders that collide with members, keywords and each other.</summary>
    public static string Path(Random random)
    {
        string[] parts = ["class", "int", "a", "A", "_", ".", "..", "0", "b1", "equals", "to.string", "get_hash_code", "finalize", "weights", "maps", "steps", "step0", "load", "global", "specializer", "system", "dispose", "sample", "latent", "epsilon", "x", "_2", "2", "aB", "a_b"];
        return string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => parts[random.Next(parts.Length)]));
    }
}
