using System.Text;
using Microsoft.CodeAnalysis.CSharp;

namespace Specializer.Generator.Parsing;

/// <summary>Which names can stand in generated source, and how names of a model become names in C#.</summary>
internal static class Identifiers
{
    /// <summary>Stricter than C#: no keyword, contextual ones included, and no invisible formatting characters, which the language allows within identifiers.</summary>
    public static bool IsIdentifier(string s) =>
        SyntaxFacts.IsValidIdentifier(s)
        && s.All(c => char.IsLetterOrDigit(c) || c == '_')
        && SyntaxFacts.GetKeywordKind(s) == SyntaxKind.None
        && SyntaxFacts.GetContextualKeywordKind(s) == SyntaxKind.None;

    public static bool IsNamespace(string s) => s.Split('.').All(IsIdentifier);

    /// <summary>A valid namespace as close as possible to a project's name.</summary>
    public static string ToNamespace(string s) => string.Join(".", s.Split('.').Where(part => part.Length > 0).Select(part =>
    {
        string letters = string.Concat(part.Select(c => char.IsLetterOrDigit(c) || c == '_' ? c : '_'));
        return IsIdentifier(letters) ? letters : "_" + letters;
    }));

    /// <summary><c>down_blocks.0.norm1</c> → <c>DownBlocks0Norm1</c>. The result is an identifier and, as it begins with a capital or '_', no keyword.</summary>
    public static string ToPascalCase(string s)
    {
        var name = new StringBuilder();
        bool start = true;
        foreach (char c in s)
        {
            bool letter = c is >= 'a' and <= 'z' or >= 'A' and <= 'Z' or >= '0' and <= '9';
            if (letter) name.Append(start && c is >= 'a' and <= 'z' ? (char)(c - 'a' + 'A') : c);
            start = !letter;
        }

        if (name.Length == 0 || name[0] is >= '0' and <= '9') name.Insert(0, '_');
        return name.ToString();
    }
}

/// <summary>Gives each name once: what would collide gets a number.</summary>
internal sealed class NameScope(params string[] taken)
{
    private readonly HashSet<string> _taken = new(taken, StringComparer.Ordinal);
    // The next number to try: from 2 again, thousands of equal names would take the square of their number.
    private readonly Dictionary<string, int> _next = new(StringComparer.Ordinal);

    public string Claim(string name)
    {
        if (_taken.Add(name)) return name;
        int number = _next.TryGetValue(name, out int next) ? next : 2;
        while (!_taken.Add(name + "_" + number)) number++;
        _next[name] = number + 1;
        return name + "_" + number;
    }
}
