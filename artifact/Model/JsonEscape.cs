namespace Specializer.Manifest;

/// <summary>What JSON's escape sequences stand for: one table for its two readers, of a manifest's text, which keeps positions, and of a header's bytes, which keeps nothing.</summary>
internal static class JsonEscape
{
    /// <summary>The character that a letter behind a backslash stands for; null where it is no sequence of one letter.</summary>
    public static char? Of(char letter) => letter switch
    {
        '"' or '\\' or '/' => letter,
        'b' => '\b',
        'f' => '\f',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        _ => null,
    };

    /// <summary>The value of a hexadecimal digit; −1 where it is none.</summary>
    public static int Digit(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'f' => c - 'a' + 10,
        >= 'A' and <= 'F' => c - 'A' + 10,
        _ => -1,
    };
}
