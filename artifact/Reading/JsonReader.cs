using System.Text;

namespace Specializer.Manifest;

/// <summary>Strict JSON (RFC 8259) with positions: no comments, no trailing commas, no duplicate keys, nothing after the value, and limits on
/// depth, length and number of values, so that no input can exhaust stack or memory. The compiler's process has no JSON library that can be relied on.</summary>
internal sealed class JsonReader
{
    public const int MaximumDepth = 64;
    public const int MaximumLength = 64 << 20;
    /// <summary>Values beside the elements of arrays of numbers: each is an object, a manifest of a large model has tens of thousands.</summary>
    public const int MaximumValues = 1 << 20;
    /// <summary>Elements of all arrays of numbers together, which take little each until they are bound: a thousand steps of Stable Diffusion have 700,000.</summary>
    public const int MaximumNumbers = 2 << 20;
    /// <summary>Elements of one array: more than twice as many as any array of a manifest may have.</summary>
    public const int MaximumElements = 1 << 16;
    public const int MaximumNumberLength = 64;

    // Names of one object that are looked through; more are hashed.
    private const int FewNames = 8;

    private readonly string _text;
    // Of the arrays and objects that are being read, the inner ones last.
    private readonly List<JsonNode> _items = [];
    private readonly List<JsonMember> _members = [];
    private readonly List<int> _starts = [];
    private int _position;
    private int _values;
    private int _numbers;
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
        int start = _position++, first = _members.Count;
        HashSet<string>? names = null;
        SkipSpace();
        if (TryTake('}')) return new(JsonKind.Object, start, _position, null);
        while (true)
        {
            int nameStart = _position;
            if (Peek() != '"') return Fail("A property name in double quotes is expected here.", _position, _position + 1);
            if (String() is not { } name) return null;
            int nameEnd = _position;
            if (!IsNew(name, first, ref names)) return Fail("This property stands twice in the same object. Keep one.", nameStart, nameEnd);
            SkipSpace();
            if (!TryTake(':')) return Fail("':' is expected after a property name.", _position, _position + 1);
            SkipSpace();
            if (Value(depth + 1) is not { } value) return null;
            _members.Add(new(name, nameStart, nameEnd, value));
            SkipSpace();
            if (TryTake('}')) return new(JsonKind.Object, start, _position, Take(_members, first));
            if (!TryTake(',')) return Fail("',' or '}' is expected after a property. The file may be truncated.", _position, _position + 1);
            SkipSpace();
        }
    }

    private bool IsNew(string name, int first, ref HashSet<string>? names)
    {
        if (_members.Count - first >= FewNames) return (names ??= new(_members.Skip(first).Select(m => m.Name), StringComparer.Ordinal)).Add(name);
        for (int i = first; i < _members.Count; i++)
        {
            if (_members[i].Name == name) return false;
        }

        return true;
    }

    private JsonNode? Array(int depth)
    {
        int start = _position++, first = _items.Count;
        SkipSpace();
        if (TryTake(']')) return new(JsonKind.Array, start, _position, null);
        if (Numbers() is { } numbers) return new(JsonKind.Array, start, _position, numbers);
        while (_error is null)
        {
            if (_items.Count - first == MaximumElements) return Fail($"An array holds more than {MaximumElements} elements.", _position, _position + 1);
            if (Value(depth + 1) is not { } item) return null;
            _items.Add(item);
            SkipSpace();
            if (TryTake(']')) return new(JsonKind.Array, start, _position, Take(_items, first));
            if (!TryTake(',')) return Fail("',' or ']' is expected after an element. The file may be truncated.", _position, _position + 1);
            SkipSpace();
        }

        return null;
    }

    /// <summary>The elements of an array that holds numbers alone, as most of a manifest does. Null, and nothing is read, where they are no such elements.</summary>
    private JsonNumbers? Numbers()
    {
        int start = _position;
        _starts.Clear();
        while (Peek() is '-' or (>= '0' and <= '9') && _starts.Count < MaximumElements)
        {
            _starts.Add(_position);
            if (!SkipNumber()) return null;
            SkipSpace();
            if (TryTake(']'))
            {
                _numbers += _starts.Count;
                if (_numbers <= MaximumNumbers) return new(_text, [.. _starts]);
                Fail($"The text holds arrays of more than {MaximumNumbers} numbers.", start, _position);
                return null;
            }

            if (!TryTake(',')) break;
            SkipSpace();
        }

        _position = start;
        return null;
    }

    /// <summary>What an array or object has put there.</summary>
    private static T[] Take<T>(List<T> all, int first)
    {
        var own = new T[all.Count - first];
        all.CopyTo(first, own, 0, own.Length);
        all.RemoveRange(first, own.Length);
        return own;
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
        return SkipNumber() ? new(JsonKind.Number, start, _position, _text) : null;
    }

    private bool SkipNumber()
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
            Fail("This is not a JSON number: digits are expected, without a leading zero or '+'.", start, _position + 1);
        else if (_position - start > MaximumNumberLength)
            Fail($"A number has at most {MaximumNumberLength} characters.", start, _position);
        return _error is null;
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
