using System.Globalization;
using System.Text;

namespace Specializer.Manifest;

/// <summary>JSON text with chosen line breaks, '\n' on every system, and numbers as they stand.</summary>
/// <remarks>System.Text.Json either breaks the line after each of a thousand array elements or nowhere.</remarks>
internal sealed class JsonText
{
    private readonly StringBuilder _text = new();
    private int _depth;
    private bool _first = true;
    /// <summary>Whether the separator before the next value stands already.</summary>
    private bool _pending;

    public override string ToString() => _text.ToString();

    /// <summary>Puts the next value on a line of its own.</summary>
    public JsonText Line()
    {
        Separate(newLine: true);
        _pending = true;
        return this;
    }

    public JsonText Key(string name)
    {
        Separate(newLine: false);
        _text.Append('"').Append(name).Append("\": ");
        _pending = true;
        return this;
    }

    public JsonText Open(char bracket)
    {
        Separate(newLine: false);
        _text.Append(bracket);
        _depth++;
        _first = true;
        return this;
    }

    /// <summary>Closes an object or array, on a line of its own when <paramref name="ownLine"/> says so.</summary>
    public JsonText Close(char bracket, bool ownLine = false)
    {
        _depth--;
        if (ownLine) NewLine();
        else if (bracket == '}') _text.Append(' ');
        _text.Append(bracket);
        _first = false;
        return this;
    }

    public JsonText Value(string? text) => Raw(text is null ? "null" : $"\"{string.Concat(text.Select(Escape))}\"");

    public JsonText Value(bool value) => Raw(value ? "true" : "false");

    public JsonText Value(long value) => Raw(value.ToString(CultureInfo.InvariantCulture));

    public JsonText Value(Number value) => Raw(value.Token);

    public JsonText Value(IEnumerable<Number> values)
    {
        Open('[');
        foreach (Number value in values) Value(value);
        return Close(']');
    }

    public JsonText Value(IEnumerable<int> values)
    {
        Open('[');
        foreach (int value in values) Value(value);
        return Close(']');
    }

    // What HTML or JavaScript could take for something else is escaped, too.
    private static string Escape(char c) => c switch
    {
        '\\' => @"\\",
        '\n' => @"\n",
        '\r' => @"\r",
        '\t' => @"\t",
        '\b' => @"\b",
        '\f' => @"\f",
        < ' ' or > '~' or '"' or '&' or '\'' or '+' or '<' or '>' or '`' => "\\u" + ((int)c).ToString("X4", CultureInfo.InvariantCulture),
        _ => c.ToString(),
    };

    private JsonText Raw(string token)
    {
        Separate(newLine: false);
        _text.Append(token);
        return this;
    }

    // Writes the comma before every value but the first, and the space or line break that follows it.
    private void Separate(bool newLine)
    {
        if (_pending)
        {
            _pending = false;
            return;
        }

        if (!_first) _text.Append(',');
        if (newLine) NewLine();
        else if (_text.Length > 0 && (_text[_text.Length - 1] is '{' or ',')) _text.Append(' ');
        _first = false;
    }

    private void NewLine() => _text.Append('\n').Append(' ', 2 * _depth);
}
