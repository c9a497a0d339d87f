using System.Text;
using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>Strict JSON (RFC 8259) read from its bytes front to back. It keeps nothing but what it was asked for, so that a text's size alone bounds the memory.</summary>
/// <remarks>Every method skips the white space in front, and throws <see cref="FormatException"/> where the text is not what the caller expects.</remarks>
internal sealed class Utf8Scanner(byte[] json)
{
    private const int MaximumDepth = 64;

    private int _at;

    /// <summary>Whether only white space is left.</summary>
    public bool AtEnd
    {
        get
        {
            SkipSpace();
            return _at == json.Length;
        }
    }

    /// <summary>Whether a null comes next; it is then taken.</summary>
    public bool TryTakeNull()
    {
        if (Next() != 'n') return false;
        Word("null");
        return true;
    }

    /// <summary>Reads an object.</summary>
    /// <param name="member">Called with each name; must read the value.</param>
    public void Object(Action<string> member)
    {
        Take('{');
        if (TryTake('}')) return;
        do
        {
            string name = Text();
            Take(':');
            member(name);
        }
        while (TryTake(','));
        Take('}');
    }

    /// <summary>Reads an array.</summary>
    /// <param name="element">Must read one element.</param>
    public void Array(Action element)
    {
        Take('[');
        if (TryTake(']')) return;
        do element();
        while (TryTake(','));
        Take(']');
    }

    /// <summary>Reads a string.</summary>
    public string Text()
    {
        Take('"');
        int start = _at;
        while (_at < json.Length && json[_at] is not ((byte)'"' or (byte)'\\') && json[_at] >= ' ') _at++;
        if (_at < json.Length && json[_at] == '"') return Encoding.UTF8.GetString(json, start, _at++ - start);

        var text = new StringBuilder(Encoding.UTF8.GetString(json, start, _at - start));
        while (true)
        {
            if (_at == json.Length || json[_at] < ' ') throw Wrong("the rest of a string, without control characters,");
            if (json[_at] == '"')
            {
                _at++;
                return Paired(text.ToString());
            }

            if (json[_at] == '\\')
            {
                _at++;
                text.Append(Escaped());
                continue;
            }

            start = _at;
            while (_at < json.Length && json[_at] is not ((byte)'"' or (byte)'\\') && json[_at] >= ' ') _at++;
            text.Append(Encoding.UTF8.GetString(json, start, _at - start));
        }
    }

    /// <summary>Reads an integer from 0 to 2^63 − 1; null for any other number.</summary>
    public long? WholeNumber()
    {
        SkipSpace();
        int start = _at;
        Number();
        long value = 0;
        for (int i = start; i < _at; i++)
        {
            int digit = json[i] - '0';
            if (digit is < 0 or > 9 || value > (long.MaxValue - digit) / 10) return null;
            value = value * 10 + digit;
        }

        return value;
    }

    /// <summary>Reads any value.</summary>
    public void Skip() => Skip(0);

    private void Skip(int depth)
    {
        if (depth > MaximumDepth) throw Wrong("a value that is nested less deeply");
        switch (Next())
        {
            case '{':
                Object(_ => Skip(depth + 1));
                break;
            case '[':
                Array(() => Skip(depth + 1));
                break;
            case '"':
                Text();
                break;
            case 't':
                Word("true");
                break;
            case 'f':
                Word("false");
                break;
            case 'n':
                Word("null");
                break;
            default:
                Number();
                break;
        }
    }

    // What is read before has skipped the white space.
    private void Number()
    {
        int start = _at;
        if (Peek() == '-') _at++;
        if (Peek() == '0') _at++;
        else Digits();
        if (Peek() == '.')
        {
            _at++;
            Digits();
        }

        if (Peek() is 'e' or 'E')
        {
            _at++;
            if (Peek() is '+' or '-') _at++;
            Digits();
        }

        if (Peek() is >= '0' and <= '9')
        {
            _at = start;
            throw Wrong("a number without a leading zero");
        }
    }

    private void Digits()
    {
        if (Peek() is < '0' or > '9') throw Wrong("a digit");
        while (Peek() is >= '0' and <= '9') _at++;
    }

    private void Word(string word)
    {
        foreach (char c in word)
        {
            if (Peek() != c) throw Wrong($"'{word}'");
            _at++;
        }
    }

    private char Escaped()
    {
        if (Peek() != 'u')
        {
            char escaped = JsonEscape.Of(Peek()) ?? throw Wrong("an escape sequence");
            _at++;
            return escaped;
        }

        _at++;
        int code = 0;
        for (int i = 0; i < 4; i++, _at++)
        {
            int digit = JsonEscape.Digit(Peek());
            code = code * 16 + (digit >= 0 ? digit : throw Wrong("a hexadecimal digit"));
        }

        return (char)code;
    }

    private string Paired(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (!char.IsSurrogatePair(text, i)) throw Wrong("a string with both halves of each surrogate pair");
            i++;
        }

        return text;
    }

    private void Take(char c)
    {
        if (!TryTake(c)) throw Wrong($"'{c}'");
    }

    private bool TryTake(char c)
    {
        if (Next() != c) return false;
        _at++;
        return true;
    }

    private char Next()
    {
        SkipSpace();
        return Peek();
    }

    // At the end a character that stands for nothing in JSON.
    private char Peek() => _at < json.Length ? (char)json[_at] : '\0';

    private void SkipSpace()
    {
        while (_at < json.Length && json[_at] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r') _at++;
    }

    private FormatException Wrong(string expected) => new($"the header is not valid JSON: {expected} is expected at byte {_at}");
}
