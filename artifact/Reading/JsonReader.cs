using System.Text;

namespace Specializer.Manifest;

/// <summary>Strict JSON (RFC 8259) with positions: no comments, no trailing commas, no duplicate keys, nothing after the value, and limits on
/// depth, length and number of values, so that no input can exhaust stack or memory. The compiler's process has no JSON library that can be relied on.</summary>
internal sealed class JsonReader
{
    public const int MaximumDepth = 64;
    public const int MaximumLength = 64 << 20;
    public const int MaximumValues = 4 << 20;
    /// <summary>Elements of one array: more than twice as many as any array of a manifest may have.</summary>
    public const int MaximumElements = 1 << 16;
    public const int MaximumNumberLength = 64;

    private readonly string _text;
    private int _position;
    private int _values;
    private JsonError? _error;

    private JsonReader(string text) => _text = text;

    /// <summary>Parses a text. Exactly one of <paramref name="root"/> and <paramref name="error"/> is not null; the result tells which. Never throws.</summary>
    public static bool Parse(string text, out JsonNode? root, out JsonError? error)
    {
        var reader = new JsonReader(text);
        root = reader.Document();
        error = reader._error;
        return root is not null;
    }

    private JsonNode? Document()
    {
        if (_text.Length > MaximumLength)
            return Fail($"The text has {_text.Length} characters; at most {MaximumLength} are read.", 0, 0);
        if (_text.Length > 0 && _text[0] == '\uFEFF')
            return Fail("The text begins with a byte order mark. Save it as UTF-8 without one.", 0, 1);
        SkipSpace();
        JsonNode? root = Value(0);
        if (root is null) return null;
        SkipSpace();
        return _position == _text.Length ? root : Fail("There is text after the end of the JSON value. Remove it.", _position, _text.Length);
    }

    private JsonNode? Value(int depth)
    {
        if (_position == _text.Length) return Fail("The text ends where a value is expected. The file may be truncated.", _position, _position);
        if (++_values > MaximumValues) return Fail($"The text holds more than {MaximumValues} values.", _position, _position + 1);
        int start = _position;
        switch (_text[start])
        {
            case '{':
                return depth == MaximumDepth ? TooDeep() : Object(depth);
            case '[':
                return depth == MaximumDepth ? TooDeep() : Array(depth);
            case '"':
                return String() is { } text ? new(JsonKind.String, start, _position, text) : null;
            case 't':
                return Word("true", JsonKind.Boolean, true);
            case 'f':
                return Word("false", JsonKind.Boolean, false);
            case 'n':
                return Word("null", JsonKind.Null, null);
            case '-' or (>= '0' and <= '9'):
                return Number();
            default:
                return Fail("A JSON value is expected here: an object, array, string, number, true, false or null.", start, start + 1);
        }
    }

    private JsonNode? TooDeep() => Fail($"Objects and arrays are nested more than {MaximumDepth} deep.", _position, _position + 1);

    private JsonNode? Object(int depth)
    {
        int start = _position++;
        var members = new List<JsonMember>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        SkipSpace();
        if (TryTake('}')) return new(JsonKind.Object, start, _position, members);
        while (true)
        {
            int nameStart = _position;
            if (Peek() != '"') return Fail("A property name in double quotes is expected here.", _position, _position + 1);
            if (String() is not { } name) return null;
            int nameEnd = _position;
            if (!names.Add(name)) return Fail("This property stands twice in the same object. Keep one.", nameStart, nameEnd);
            SkipSpace();
            if (!TryTake(':')) return Fail("':' is expected after a property name.", _position, _position + 1);
            SkipSpace();
            if (Value(depth + 1) is not { } value) return null;
            members.Add(new(name, nameStart, nameEnd, value));
            SkipSpace();
            if (TryTake('}')) return new(JsonKind.Object, start, _position, members);
            if (!TryTake(',')) return Fail("',' or '}' is expected after a property. The file may be truncated.", _position, _position + 1);
            SkipSpace();
        }
    }

    private JsonNode? Array(int depth)
    {
        int start = _position++;
        var items = new List<JsonNode>();
        SkipSpace();
        if (TryTake(']')) return new(JsonKind.Array, start, _position, items);
        while (true)
        {
            if (items.Count == MaximumElements) return Fail($"An array holds more than {MaximumElements} elements.", _position, _position + 1);
            if (Value(depth + 1) is not { } item) return null;
            items.Add(item);
            SkipSpace();
            if (TryTake(']')) return new(JsonKind.Array, start, _position, items);
            if (!TryTake(',')) return Fail("',' or ']' is expected after an element. The file may be truncated.", _position, _position + 1);
            SkipSpace();
        }
    }

    private JsonNode? Word(string word, JsonKind kind, object? content)
    {
        int start = _position;
        if (string.CompareOrdinal(_text, start, word, 0, word.Length) != 0)
            return Fail($"A JSON value is expected here; '{word}' is spelled in full and in lower case.", start, start + 1);
        _position += word.Length;
        return new(kind, start, _position, content);
    }

    private JsonNode? Number()
    {
        int start = _position;
        TryTake('-');
        bool valid = TryTake('0') || Digits();
        if (valid && TryTake('.')) valid = Digits();
        if (valid && Peek() is 'e' or 'E')
        {
            _position++;
            if (Peek() is '+' or '-') _position++;
            valid = Digits();
        }

        if (!valid || Peek() is >= '0' and <= '9')
            return Fail("This is not a JSON number: digits are expected, without a leading zero or '+'.", start, _position + 1);
        if (_position - start > MaximumNumberLength)
            return Fail($"A number has at most {MaximumNumberLength} characters.", start, _position);
        return new(JsonKind.Number, start, _position, _text.Substring(start, _position - start));
    }

    private bool Digits()
    {
        int start = _position;
        while (Peek() is >= '0' and <= '9') _position++;
        return _position > start;
    }

    /// <summary>Reads a string from its opening to after its closing quote.</summary>
    private string? String()
    {
        int start = ++_position;
        while (_position < _text.Length && _text[_position] is not ('"' or '\\') && IsPlain(_text[_position])) _position++;
        if (Peek() == '"') return _text.Substring(start, _position++ - start);

        var builder = new StringBuilder().Append(_text, start, _position - start);
        while (_position < _text.Length)
        {
            int at = _position;
            char c = _text[_position++];
            if (c == '"') return builder.ToString();
            if (c < ' ') return FailString("Control characters must be escaped within a string.", at, at + 1);
            if (c == '\\')
            {
                if (Escape() is not { } escaped) return FailString("This escape sequence is not JSON.", at, Math.Min(_position + 1, _text.Length));
                c = escaped;
            }

            if (char.IsHighSurrogate(c))
            {
                bool raw = _position < _text.Length && char.IsLowSurrogate(_text[_position]);
                char? low = raw ? _text[_position++] : TryTake('\\') ? Escape() : null;
                if (low is not { } second || !char.IsLowSurrogate(second))
                    return FailString("This is half of a surrogate pair.", at, Math.Min(_position, _text.Length));
                builder.Append(c).Append(second);
            }
            else if (char.IsLowSurrogate(c))
            {
                return FailString("This is half of a surrogate pair.", at, _position);
            }
            else
            {
                builder.Append(c);
            }
        }

        return FailString("The string has no closing quote. The file may be truncated.", start - 1, _text.Length);
    }

    private static bool IsPlain(char c) => c >= ' ' && !char.IsSurrogate(c);

    /// <summary>What follows a backslash; null when it is no escape sequence.</summary>
    private char? Escape()
    {
        if (_position == _text.Length) return null;
        char letter = _text[_position++];
        if (letter != 'u') return JsonEscape.Of(letter);

        int code = 0;
        for (int i = 0; i < 4; i++)
        {
            int digit = JsonEscape.Digit(Peek());
            if (digit < 0) return null;
            code = code * 16 + digit;
            _position++;
        }

        return (char)code;
    }

    private char Peek() => _position < _text.Length ? _text[_position] : '\0';

    private bool TryTake(char c)
    {
        if (_position == _text.Length || _text[_position] != c) return false;
        _position++;
        return true;
    }

    private void SkipSpace()
    {
        while (_position < _text.Length && _text[_position] is ' ' or '\t' or '\n' or '\r') _position++;
    }

    private JsonNode? Fail(string message, int start, int end)
    {
        _error = new(message, Math.Min(start, _text.Length), Math.Min(end, _text.Length));
        return null;
    }

    private string? FailString(string message, int start, int end)
    {
        Fail(message, start, end);
        return null;
    }
}
